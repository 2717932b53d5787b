/**
 * What lies below /sys/kernel/tracing, but for the traces themselves: rows of a table, each a file.
 */
import { EINVAL, ENOENT } from "../abi";
import { MACHINE, MACHINE_CPUS, PAGE_SIZE } from "../layout";
import { parse_number, put_number, put_text, spells } from "../lib/text";
import { clear_rings, set_buffer_size, set_tracer, tracing_lock, tracing_unlock } from "./control";
import { filter_clear, filter_show, filter_store } from "./filter";
import { mark_store } from "./mark";
import { TRACER_NAMES } from "./print";
import { ring_first, ring_head, ring_of, ring_overrun } from "./ring";
import { MARK_FILTER, MARK_NOTRACE, Tracing, tracing } from "./state";

type Show = (at: usize, limit: usize, subject: i32) => usize;
type Store = (subject: i32, text: usize, length: i32) => i32;

const NAMES: StaticArray<string> = [
  "current_tracer", "available_tracers", "tracing_on", "buffer_size_kb", "set_ftrace_filter", "set_ftrace_notrace", "available_filter_functions",
  "trace_marker", "trace"];
const SUBJECTS: StaticArray<i32> = [0, 0, 0, 0, MARK_FILTER, MARK_NOTRACE, 0, 0, 0];
const SHOWS: StaticArray<Show> = [
  show_tracer, show_tracers, show_on, show_size, filter_show, filter_show, filter_show, show_nothing, show_nothing];
const STORES: StaticArray<Store> = [
  store_tracer, store_not, store_on, store_size, filter_store, filter_store, store_not, mark_store, store_not];

/** Row of the file whose name the bytes spell, or -ENOENT. */
@notrace export function tracing_file(name: usize, length: i32): i32 {
  for (let row = 0; row < NAMES.length; row++) if (spells(name, length, unchecked(NAMES[row]))) return row;
  return -ENOENT;
}

/** Its text between `at` and `limit`. */
@notrace @sleeps export function tracing_show(row: i32, at: usize, limit: usize): usize {
  return unchecked(SHOWS[row])(at, limit, unchecked(SUBJECTS[row]));
}

/** Bytes taken, or -errno. `anew`: as after an open that truncates. */
@notrace @sleeps export function tracing_store(row: i32, text: usize, length: i32, anew: bool): i32 {
  if (anew) tracing_truncate(row);
  return length ? unchecked(STORES[row])(unchecked(SUBJECTS[row]), text, length) : 0;
}

/** What opening the file to write it anew does. */
@notrace @sleeps function tracing_truncate(row: i32): void {
  if (unchecked(SUBJECTS[row])) filter_clear(unchecked(SUBJECTS[row]));
  if (unchecked(NAMES[row]) != "trace") return;
  tracing_lock();
  clear_rings();
  tracing_unlock();
}

@notrace function show_nothing(at: usize, limit: usize, subject: i32): usize {
  return at;
}
@notrace function store_not(subject: i32, text: usize, length: i32): i32 {
  return -EINVAL;
}

@notrace function show_tracer(at: usize, limit: usize, subject: i32): usize {
  return put_text(put_text(at, unchecked(TRACER_NAMES[tracing().tracer])), "\n");
}
@notrace function show_tracers(at: usize, limit: usize, subject: i32): usize {
  for (let tracer = TRACER_NAMES.length - 1; tracer >= 0; tracer--) {
    at = put_text(put_text(at, unchecked(TRACER_NAMES[tracer])), tracer ? " " : "\n");
  }
  return at;
}
@notrace function store_tracer(subject: i32, text: usize, length: i32): i32 {
  const bytes = trimmed(text, length);
  for (let tracer = 0; tracer < TRACER_NAMES.length; tracer++) {
    if (!spells(text, bytes, unchecked(TRACER_NAMES[tracer]))) continue;
    tracing_lock();
    const result = set_tracer(tracer);
    tracing_unlock();
    return result ? result : length;
  }
  return -EINVAL;
}

@notrace function show_on(at: usize, limit: usize, subject: i32): usize {
  return put_text(put_number(at, tracing().on), "\n");
}
@notrace function store_on(subject: i32, text: usize, length: i32): i32 {
  const value = parse_number(text, trimmed(text, length));
  if (value < 0) return -EINVAL;
  atomic.store<i32>(changetype<usize>(tracing()), value ? 1 : 0, offsetof<Tracing>("on")); // pairs with is_on() in calls.ts
  return length;
}

@notrace function show_size(at: usize, limit: usize, subject: i32): usize {
  return put_text(put_number(at, (PAGE_SIZE << tracing().order) >> 10), "\n");
}
@notrace function store_size(subject: i32, text: usize, length: i32): i32 {
  const value = parse_number(text, trimmed(text, length));
  tracing_lock();
  const result = set_buffer_size(value);
  tracing_unlock();
  return result ? result : length;
}

/** Length without the white space at the end. */
@notrace function trimmed(text: usize, length: i32): i32 {
  while (length > 0 && load<u8>(text + length - 1) <= 32) length--;
  return length;
}
