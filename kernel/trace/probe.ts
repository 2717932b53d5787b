/**
 * Probes: who is told of each call of a function, at its entry. The records, and which slots they lie at.
 *
 *   kind       what a call does                                            registered by
 *   HANDLER    calls a function of a kernel module                         kprobe.ts
 *   REDIRECTS  goes to a function of a kernel module instead               kprobe.ts
 *   EVENT      writes a record into the trace                              kprobe_events.ts
 *   ENDED      nothing: its stub stays for saved frames of the function that stood in, until the module goes
 *
 * One that has no slot waits for a module. The holder of tracing_lock() writes records, stubs read them (probe_hit.ts);
 * a record is free again only when every CPU has passed a safepoint since it was disarmed.
 */
import { MAX_PROBES, PROBES, PROBE_SIZE } from "../layout";
import { MARK_LINGERS, MARK_PROBED, MARK_REDIRECTED, marks_of, set_marks } from "./state";

export const PROBE_FREE = 0;
export const PROBE_HANDLER = 1;
export const PROBE_REDIRECTS = 2;
export const PROBE_EVENT = 3;
export const PROBE_ENDED = 4;

@unmanaged
export class Probe {
  /** PROBE_*. */
  kind: i32;
  /** Of the probed function, or 0 while its module is not loaded. */
  slot: i32;
  /** 1: calls count. */
  armed: i32;
  /** Slot of the module's function; of an event, its number, which no other has. */
  index: i32;
  /** Number plus one of the module that registered it, or 0. */
  owner: i32;
  /** Calls that it was told of, and that came while a handler ran on the same CPU; atomic. */
  hits: u32;
  missed: u32;
  /** An event's names and directory, or 0. */
  names: usize;
  directory: usize;
}
if (<i32>offsetof<Probe>() > PROBE_SIZE) ERROR("Probe no longer fits layout.ts");

@inline export function probe_at(number: i32): Probe {
  return changetype<Probe>(<usize>(PROBES + number * PROBE_SIZE));
}
@inline export function probe_number(probe: Probe): i32 {
  return <i32>((changetype<usize>(probe) - PROBES) / PROBE_SIZE);
}

/** An empty record of that kind, which lies nowhere, or null when all are taken. */
@notrace export function new_probe(kind: i32): Probe {
  for (let number = 0; number < MAX_PROBES; number++) {
    const probe = probe_at(number);
    if (probe.kind != PROBE_FREE) continue;
    memory.fill(changetype<usize>(probe), 0, PROBE_SIZE);
    probe.kind = kind;
    return probe;
  }
  return changetype<Probe>(0);
}

/** Makes the marks of `slot` say which probes lie there; update_tracing() comes next. */
@notrace export function mark_probes(slot: i32): void {
  if (!slot) return;
  let marks = marks_of(slot) & ~(MARK_PROBED | MARK_REDIRECTED | MARK_LINGERS);
  for (let number = 0; number < MAX_PROBES; number++) {
    const probe = probe_at(number);
    if (probe.slot != slot || !probe.armed) continue;
    if (probe.kind == PROBE_ENDED) marks |= MARK_LINGERS;
    else marks |= probe.kind == PROBE_REDIRECTS ? MARK_PROBED | MARK_REDIRECTED : MARK_PROBED;
  }
  set_marks(slot, marks);
}
