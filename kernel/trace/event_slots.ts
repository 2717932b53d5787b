/**
 * Where events lie, and whether they are on. One of a module's function waits while the module is not loaded.
 */
import { ENOMEM } from "../abi";
import { MAX_PROBES } from "../layout";
import { need_rings, update_tracing } from "./control";
import { EVENT_MODULE, EVENT_SYMBOL, part_at, part_length } from "./event_names";
import { find_slot } from "./find";
import { PROBE_EVENT, Probe, mark_probes, probe_at } from "./probe";
import { tracing } from "./state";

/** Slot of the function that the names say, or why there is none. */
@notrace export function slot_of(names: usize): i32 {
  const module = part_length(names, EVENT_MODULE) ? part_at(names, EVENT_MODULE) : 0;
  return find_slot(part_at(names, EVENT_SYMBOL), part_length(names, EVENT_SYMBOL), module, part_length(names, EVENT_MODULE));
}

/** Turns it on or off: 0 or -ENOMEM. When it returns, calls count, or do no more. */
@notrace export function set_event(probe: Probe, on: bool): i32 {
  if (on == (probe.armed != 0)) return 0;
  if (on && !need_rings()) return -ENOMEM;
  tracing().events += on ? 1 : -1;
  probe.armed = on ? 1 : 0;
  mark_probes(probe.slot);
  update_tracing();
  return 0;
}

/** A module comes: events that wait for it lie at its functions from now on. Whether one of them is on. */
@notrace export function events_find_module(): bool {
  let any = false;
  for (let number = 0; number < MAX_PROBES; number++) {
    const probe = probe_at(number);
    if (probe.kind != PROBE_EVENT || probe.slot) continue;
    probe.slot = max(slot_of(probe.names), 0);
    mark_probes(probe.slot);
    if (probe.slot && probe.armed) any = true;
  }
  return any;
}

/** Slots from `first` on are a module's that goes: no probe lies there any more. */
@notrace export function probes_leave(first: i32, count: i32): void {
  for (let number = 0; number < MAX_PROBES; number++) {
    const probe = probe_at(number);
    if (probe.slot >= first && probe.slot < first + count) probe.slot = 0;
  }
}
