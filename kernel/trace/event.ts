/**
 * Events: probes that write a record into the trace. How they come and go; the holder of tracing_lock() does all that.
 */
import { EBUSY, EEXIST, ENOENT, ENOMEM, ENOSPC } from "../abi";
import { MAX_PROBES } from "../layout";
import { kfree, kmalloc } from "../mm/slab";
import { add_event_files, remove_event_files } from "./event_files";
import { EVENT_MODULE, EVENT_NAMES_SIZE, find_event, part_length } from "./event_names";
import { slot_of } from "./event_slots";
import { PROBE_EVENT, PROBE_FREE, Probe, new_probe, probe_at } from "./probe";
import { tracing } from "./state";

/** Makes an event, which is off, of a copy of `names`: 0, -EEXIST, -ENOENT and the like, or -ENOSPC, -ENOMEM. */
@notrace export function add_event(names: usize): i32 {
  if (changetype<usize>(find_event(names, false))) return -EEXIST;
  const slot = slot_of(names);
  if (slot < 0 && (slot != -ENOENT || !part_length(names, EVENT_MODULE))) return slot; // that module may still come
  const copy = kmalloc(EVENT_NAMES_SIZE);
  if (!copy) return -ENOMEM;
  const probe = new_probe(PROBE_EVENT);
  if (!changetype<usize>(probe)) {
    kfree(copy);
    return -ENOSPC;
  }
  memory.copy(copy, names, EVENT_NAMES_SIZE);
  probe.names = copy;
  probe.slot = max(slot, 0);
  probe.index = ++tracing().event_numbers;
  const result = add_event_files(probe);
  if (result) forget(probe);
  return result;
}

@notrace function forget(probe: Probe): void {
  remove_event_files(probe);
  kfree(probe.names);
  probe.kind = PROBE_FREE;
}

/** 0, or -EBUSY while it is on. */
@notrace export function remove_event(probe: Probe): i32 {
  if (probe.armed) return -EBUSY;
  forget(probe);
  return 0;
}

/** 0, or -EBUSY with nothing changed while one of them is on. */
@notrace export function remove_events(): i32 {
  if (tracing().events) return -EBUSY;
  for (let number = 0; number < MAX_PROBES; number++) if (probe_at(number).kind == PROBE_EVENT) forget(probe_at(number));
  return 0;
}
