/**
 * Functions by name, as probes are told them.
 */
import { EADDRNOTAVAIL, EINVAL, ENOENT } from "../abi";
import { MACHINE, MACHINE_SYMBOL_COUNT, SYMBOL_NAME, SYMBOL_NAME_LENGTH } from "../layout";
import { module_at } from "../module/module";
import { symbol_row } from "../sched/stacktrace";
import { SLOT_END, function_of, slot_module } from "./state";

/**
 * Slot of the function of that name, in the module of that name if one is given: -ENOENT without one, -EADDRNOTAVAIL
 * when there are several, -EINVAL for a function that owns no slot. The tracers' mutex is held.
 */
@notrace export function find_slot(name: usize, length: i32, module: usize, module_length: i32): i32 {
  let found = 0;
  for (let slot = 1; slot < SLOT_END; slot++) {
    if (!function_of(slot) || !is_named(function_of(slot), name, length)) continue;
    if (module_length && !is_in(slot_module(slot), module, module_length)) continue;
    if (found) return -EADDRNOTAVAIL;
    found = slot;
  }
  if (found) return found;
  for (let id = 1; id < load<i32>(MACHINE, MACHINE_SYMBOL_COUNT) && !module_length; id++) if (is_named(id, name, length)) return -EINVAL;
  return -ENOENT;
}

@notrace function is_named(id: i32, name: usize, length: i32): bool {
  const row = symbol_row(id);
  return row != 0 && load<i32>(row, SYMBOL_NAME_LENGTH) == length && !memory.compare(<usize>load<u32>(row, SYMBOL_NAME), name, length);
}

@notrace function is_in(number: i32, module: usize, length: i32): bool {
  return number >= 0 && module_at(number).name_length == length && !memory.compare(module_at(number).name, module, length);
}
