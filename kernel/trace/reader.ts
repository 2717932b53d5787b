/**
 * Reading the rings as text, in the order of time: `trace` shows what is there, `trace_pipe` takes it.
 *
 * A reader remembers a place in each ring, so a text of any length is read in pieces; each piece is whole lines. The
 * mutex is held meanwhile, so that the rings stay; the CPUs go on writing. What is overwritten before it was read is
 * said to be lost.
 */
import {
  EVENT_CALL, EVENT_CALLER, EVENT_FUNCTION, EVENT_KIND, EVENT_MARK, EVENT_MORE, EVENT_PROBE, EVENT_RETURN, EVENT_SIZE, EVENT_TASK, EVENT_TEXT, EVENT_TIME,
} from "../records";
import { MACHINE, MACHINE_CPUS, PAGE_SIZE } from "../layout";
import { put_number, put_text, put_zero_ended } from "../lib/text";
import { alloc_pages, free_pages, page_order } from "../mm/page";
import { tracing_lock, tracing_unlock } from "./control";
import { put_event, put_header } from "./print";
import { put_entry, put_leaf, put_return, put_task_change } from "./print_graph";
import { Ring, ring_copy, ring_first, ring_head, ring_of } from "./ring";
import { tracing } from "./state";

/** Every CPU, instead of one. */
export const ALL_CPUS = -1;
/** Room that a line, with what stands above it, may need. */
const LINE_ROOM = 512;

@unmanaged
export class Reader {
  /** CPU, or ALL_CPUS. */
  cpu: i32;
  /** 1: what is read is taken. */
  takes: i32;
  /** 1 once the header is out. */
  begun: i32;
  cpus: i32;
  /** Which rings its places are in: their number, as in Tracing. */
  rings: i32;
}
const READER_SIZE = <usize>offsetof<Reader>();

/** A reader's place in one ring. */
@unmanaged
class Place {
  next: i32;
  /** Where it ends, for a reader that does not take. */
  end: i32;
  lost: i32;
  /** 1 when `ahead` holds record `next`. */
  loaded: i32;
  /** Depth of the innermost call that was shown as entered, plus one. */
  depth: i32;
  /** 1 when `last` holds the record shown before. */
  shown: i32;
}
const AHEAD = <usize>offsetof<Place>();
const LAST = AHEAD + EVENT_SIZE;
const PLACE_SIZE = LAST + EVENT_SIZE;

@inline function place_of(reader: Reader, cpu: i32): Place {
  return changetype<Place>(changetype<usize>(reader) + READER_SIZE + PLACE_SIZE * <usize>cpu);
}
@inline function ahead(place: Place): usize {
  return changetype<usize>(place) + AHEAD;
}
@inline function last(place: Place): usize {
  return changetype<usize>(place) + LAST;
}

/** A reader of one CPU's ring or of ALL_CPUS; null when memory is out. */
@notrace export function reader_open(cpu: i32, takes: bool): Reader {
  const cpus = load<i32>(MACHINE, MACHINE_CPUS);
  const bytes = READER_SIZE + PLACE_SIZE * <usize>cpus;
  let order = 0;
  while (<usize>(PAGE_SIZE << order) < bytes) order++;
  const reader = changetype<Reader>(alloc_pages(order));
  if (!changetype<usize>(reader)) return reader;
  memory.fill(changetype<usize>(reader), 0, bytes);
  reader.cpu = cpu;
  reader.takes = takes ? 1 : 0;
  reader.cpus = cpus;
  reader_rewind(reader);
  return reader;
}

/** Back to the beginning of what is there now. */
@notrace export function reader_rewind(reader: Reader): void {
  tracing_lock();
  reader.begun = 0;
  find_places(reader);
  tracing_unlock();
}

@notrace function find_places(reader: Reader): void {
  reader.rings = tracing().rings;
  for (let cpu = 0; cpu < reader.cpus; cpu++) {
    const place = place_of(reader, cpu);
    memory.fill(changetype<usize>(place), 0, PLACE_SIZE);
    place.next = ring_first(ring_of(cpu));
    place.end = ring_head(ring_of(cpu));
  }
}

@notrace export function reader_close(reader: Reader): void {
  free_pages(changetype<usize>(reader), page_order(changetype<usize>(reader)));
}

/** Writes the next lines at `at`, as many as fit below `limit`; gives their end, which is `at` when there are none. */
@notrace export function reader_read(reader: Reader, at: usize, limit: usize): usize {
  tracing_lock();
  if (reader.rings != tracing().rings) find_places(reader); // its rings were taken away
  if (!reader.begun && !reader.takes) at = header(reader, at);
  reader.begun = 1;
  while (at + LINE_ROOM < limit) {
    const cpu = earliest(reader);
    if (cpu < 0) break;
    at = put_next(reader, place_of(reader, cpu), ring_of(cpu), cpu, at, limit);
  }
  tracing_unlock();
  return at;
}

@notrace function header(reader: Reader, at: usize): usize {
  let present: i64 = 0;
  let written: i64 = 0;
  for (let cpu = 0; cpu < reader.cpus; cpu++) {
    if (!is_read(reader, cpu)) continue;
    const ring = ring_of(cpu);
    present += ring_head(ring) - ring_first(ring);
    written += ring_head(ring) - ring.erased;
  }
  return put_header(at, tracing().tracer, present, written, reader.cpus);
}

@inline function is_read(reader: Reader, cpu: i32): bool {
  return reader.cpu == ALL_CPUS || reader.cpu == cpu;
}

/** The CPU with the earliest record that was not shown yet, or -1. */
@notrace function earliest(reader: Reader): i32 {
  let found = -1;
  let time: f64 = 0;
  for (let cpu = 0; cpu < reader.cpus; cpu++) {
    const place = place_of(reader, cpu);
    if (!is_read(reader, cpu) || !look_ahead(reader, place, ring_of(cpu))) continue;
    const its = load<f64>(ahead(place), EVENT_TIME);
    if (found >= 0 && its >= time) continue;
    found = cpu;
    time = its;
  }
  return found;
}

/** Loads the next record of a ring; false when there is none. */
@notrace function look_ahead(reader: Reader, place: Place, ring: Ring): bool {
  while (!place.loaded) {
    if (place.next >= (reader.takes ? ring_head(ring) : min(place.end, ring_head(ring)))) return false;
    if (ring_copy(ring, place.next, ahead(place))) {
      if (load<i32>(ahead(place), EVENT_KIND) != EVENT_MORE) place.loaded = 1;
      else place.next += 1; // the rest of a marker whose beginning is gone
    } else {
      const first = max(ring_first(ring), place.next + 1); // one at least was being overwritten
      place.lost += first - place.next;
      place.next = first;
    }
  }
  return true;
}

/** Record `next` is done with. */
@notrace function step(reader: Reader, place: Place, ring: Ring): void {
  place.loaded = 0;
  place.next += 1;
  if (reader.takes && place.next > ring.taken) ring.taken = place.next;
}

@notrace function put_next(reader: Reader, place: Place, ring: Ring, cpu: i32, at: usize, limit: usize): usize {
  const kind = load<i32>(ahead(place), EVENT_KIND);
  if (place.lost) at = put_lost(at, place, cpu);
  if (kind == EVENT_CALL || kind == EVENT_PROBE) {
    at = put_event(at, ahead(place), cpu);
    step(reader, place, ring);
    return at;
  }
  if (kind == EVENT_MARK) return put_mark(reader, place, ring, cpu, at, limit);
  if (place.shown && load<i32>(last(place), EVENT_TASK) != load<i32>(ahead(place), EVENT_TASK)) {
    at = put_task_change(at, last(place), ahead(place), cpu);
    place.depth = 0;
  }
  memory.copy(last(place), ahead(place), EVENT_SIZE);
  place.shown = 1;
  step(reader, place, ring);
  const depth = load<i32>(last(place), EVENT_CALLER);
  if (kind == EVENT_RETURN) {
    const named = place.depth != depth + 1;
    place.depth = depth;
    return put_return(at, last(place), cpu, named);
  }
  if (look_ahead(reader, place, ring) && is_end_of_last(place)) {
    at = put_leaf(at, last(place), ahead(place), cpu);
    step(reader, place, ring);
    return at;
  }
  place.depth = depth + 1;
  return put_entry(at, last(place), cpu);
}

@notrace function put_lost(at: usize, place: Place, cpu: i32): usize {
  at = put_number(put_text(at, "CPU:"), cpu);
  at = put_text(put_number(put_text(at, " [LOST "), place.lost), " EVENTS]\n");
  place.lost = 0;
  return at;
}

@notrace function is_end_of_last(place: Place): bool {
  const entry = last(place);
  const end = ahead(place);
  return load<i32>(end, EVENT_KIND) == EVENT_RETURN && load<i32>(end, EVENT_TASK) == load<i32>(entry, EVENT_TASK)
    && load<i32>(end, EVENT_FUNCTION) == load<i32>(entry, EVENT_FUNCTION) && load<i32>(end, EVENT_CALLER) == load<i32>(entry, EVENT_CALLER);
}

/** A marker: its text is in the records behind it. */
@notrace function put_mark(reader: Reader, place: Place, ring: Ring, cpu: i32, at: usize, limit: usize): usize {
  at = put_event(at, ahead(place), cpu);
  step(reader, place, ring);
  while (at + EVENT_SIZE < limit && place.next < ring_head(ring) && ring_copy(ring, place.next, ahead(place))) {
    if (load<i32>(ahead(place), EVENT_KIND) != EVENT_MORE) break;
    at = put_zero_ended(at, ahead(place) + EVENT_TEXT, EVENT_SIZE - EVENT_TEXT);
    step(reader, place, ring);
  }
  return put_text(at, "\n");
}
