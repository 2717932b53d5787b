/**
 * Functions of kernel modules under the tracers: they come with their module, traced if everybody is, with the events
 * that wait for them, and go with it.
 */
import { SYMBOL_SIZE, SYMBOL_SLOT } from "../layout";
import { Module, module_number } from "../module/module";
import { settle_entries, tracing_lock, tracing_unlock, update_tracing } from "./control";
import { events_find_module, probes_leave } from "./event_slots";
import { TRACER_NOP, is_wanted, set_function, set_marks, set_module_function, tracing } from "./state";

/** A module has its slots and rows, and nobody calls it yet. */
export function tracing_module_comes(module: Module): void {
  tracing_lock();
  for (let place = 0; place < module.row_count; place++) {
    const slot = load<i32>(module.rows + <usize>(place * SYMBOL_SIZE), SYMBOL_SLOT);
    if (slot < module.first_slot || slot >= module.first_slot + module.slots) continue;
    set_marks(slot, 0);
    set_module_function(slot, module_number(module), place);
  }
  const probed = events_find_module();
  if (probed || tracing().tracer != TRACER_NOP) update_tracing();
  tracing_unlock();
}

/** Nobody calls it any more; when this returns no trace stub of it is still running. */
export function tracing_module_goes(module: Module): void {
  let wanted = false;
  tracing_lock();
  for (let slot = module.first_slot; slot < module.first_slot + module.slots; slot++) {
    if (is_wanted(slot)) wanted = true;
    set_marks(slot, 0);
  }
  if (wanted) settle_entries();
  probes_leave(module.first_slot, module.slots);
  for (let slot = module.first_slot; slot < module.first_slot + module.slots; slot++) set_function(slot, 0);
  tracing_unlock();
}
