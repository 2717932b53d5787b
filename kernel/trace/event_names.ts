/**
 * What events are called, by the names that a user gave.
 *
 *   Probe.names ─► [4 lengths | group | name | module | symbol]
 */
import { MAX_PROBES } from "../layout";
import { put_bytes, put_number, put_text } from "../lib/text";
import { put_function } from "./filter";
import { PROBE_EVENT, Probe, probe_at } from "./probe";

/** Which of the names. */
export const EVENT_GROUP = 0;
export const EVENT_OWN_NAME = 1;
export const EVENT_MODULE = 2;
export const EVENT_SYMBOL = 3;
const PARTS = 4;
/** Longest of each. */
export const EVENT_NAME_MOST = 128;
const TEXT = PARTS * 4;
export const EVENT_NAMES_SIZE = TEXT + PARTS * EVENT_NAME_MOST;

@inline export function part_length(names: usize, part: i32): i32 {
  return load<i32>(names + (<usize>part << 2));
}
@inline export function part_at(names: usize, part: i32): usize {
  return names + TEXT + <usize>(part * EVENT_NAME_MOST);
}
@inline export function set_part_length(names: usize, part: i32, length: i32): void {
  store<i32>(names + (<usize>part << 2), length);
}
/** The bytes fit. */
@notrace export function set_part(names: usize, part: i32, from: usize, length: i32): void {
  set_part_length(names, part, length);
  memory.copy(part_at(names, part), from, length);
}
@notrace export function put_part(at: usize, names: usize, part: i32): usize {
  return put_bytes(at, part_at(names, part), part_length(names, part));
}

/** The event of those names, of any group for a null one; or null. */
@notrace export function find_event(names: usize, any_group: bool): Probe {
  for (let number = 0; number < MAX_PROBES; number++) {
    const probe = probe_at(number);
    if (probe.kind != PROBE_EVENT || !same_part(probe.names, names, EVENT_OWN_NAME)) continue;
    if (any_group || same_part(probe.names, names, EVENT_GROUP)) return probe;
  }
  return changetype<Probe>(0);
}

@notrace function same_part(one: usize, other: usize, part: i32): bool {
  const length = part_length(one, part);
  return part_length(other, part) == length && !memory.compare(part_at(one, part), part_at(other, part), length);
}

/** The event with that number, or null. */
@notrace export function event_numbered(id: i32): Probe {
  for (let number = 0; number < MAX_PROBES; number++) if (probe_at(number).kind == PROBE_EVENT && probe_at(number).index == id) return probe_at(number);
  return changetype<Probe>(0);
}

/** A hit's line behind who, where and when: `name: (function+0x0)`. */
@notrace export function put_hit(at: usize, id: i32, fn: i32): usize {
  const probe = event_numbered(id);
  if (!changetype<usize>(probe)) return put_text(put_number(put_text(at, "# Unknown event "), id), "\n");
  return put_text(put_function(put_text(put_part(at, probe.names, EVENT_OWN_NAME), ": ("), fn), "+0x0)\n");
}
