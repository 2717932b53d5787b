/**
 * What lies in /sys/kernel/tracing, but for the traces themselves: rows of a table, each a file. A new one is a row, and a
 * test.
 */
import { EINVAL, ENOENT } from "../abi";
import { PAGE_SIZE } from "../layout";
import { parse_number, put_number, put_text, spells, trimmed } from "../lib/text";
import { clear_rings, set_buffer_size, set_tracer, settle_entries, tracing_lock, tracing_unlock } from "./control";
import { events_show, profile_show } from "./event_lists";
import { filter_clear, filter_show, filter_store } from "./filter";
import { events_clear, events_store } from "./kprobe_events";
import { mark_store } from "./mark";
import { TRACER_NAMES } from "./print";
import { MARK_FILTER, MARK_GRAPH, MARK_NOTRACE, Tracing, tracing } from "./state";

type Show = (at: usize, limit: usize, subject: i32) => usize;
type Store = (subject: i32, text: usize, length: i32) => i32;
type Clear = (subject: i32) => i32;

const NAMES: StaticArray<string> = [
  "current_tracer", "available_tracers", "tracing_on", "buffer_size_kb", "set_ftrace_filter", "set_ftrace_notrace", "set_graph_function",
  "available_filter_functions", "trace_marker", "kprobe_events", "kprobe_profile"];
const MODES: StaticArray<i32> = [0o640, 0o440, 0o640, 0o640, 0o640, 0o640, 0o640, 0o440, 0o220, 0o640, 0o440];
const SUBJECTS: StaticArray<i32> = [0, 0, 0, 0, MARK_FILTER, MARK_NOTRACE, MARK_GRAPH, 0, 0, 0, 0];
const SHOWS: StaticArray<Show> = [
  show_tracer, show_tracers, show_on, show_size, filter_show, filter_show, filter_show, filter_show, show_nothing, events_show, profile_show];
const STORES: StaticArray<Store> = [
  store_tracer, store_not, store_on, store_size, filter_store, filter_store, filter_store, store_not, mark_store, events_store, store_not];
const CLEARS: StaticArray<Clear> = [
  clear_nothing, clear_nothing, clear_nothing, clear_nothing, filter_clear, filter_clear, filter_clear, clear_nothing, clear_nothing, events_clear, clear_nothing];

/** Row of the file whose name the bytes spell, or -ENOENT. */
@notrace export function tracing_file(name: usize, length: i32): i32 {
  for (let row = 0; row < NAMES.length; row++) if (spells(name, length, unchecked(NAMES[row]))) return row;
  return -ENOENT;
}

/** Its text between `at` and `limit`. */
@notrace @sleeps export function tracing_show(row: i32, at: usize, limit: usize): usize {
  return unchecked(SHOWS[row])(at, limit, unchecked(SUBJECTS[row]));
}

/** Bytes taken, or -errno. */
@notrace @sleeps export function tracing_store(row: i32, text: usize, length: i32): i32 {
  return unchecked(STORES[row])(unchecked(SUBJECTS[row]), text, length);
}

/** What opening the file to be written anew does: 0 or -errno. */
@notrace @sleeps export function tracing_clear(row: i32): i32 {
  return unchecked(CLEARS[row])(unchecked(SUBJECTS[row]));
}

/** Forgets what was recorded on `cpu`, or on ALL_CPUS. */
@notrace export function clear_trace(cpu: i32): void {
  tracing_lock();
  clear_rings(cpu);
  tracing_unlock();
}

/** Rows, and how each is called and may be used. */
@inline export function tracing_files(): i32 {
  return NAMES.length;
}
@inline export function tracing_name(row: i32): string {
  return unchecked(NAMES[row]);
}
@inline export function tracing_mode(row: i32): i32 {
  return unchecked(MODES[row]);
}

@notrace function show_nothing(at: usize, limit: usize, subject: i32): usize {
  return at;
}
@notrace function clear_nothing(subject: i32): i32 {
  return 0;
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
  if (!value) {
    tracing_lock();
    settle_entries(); // behind a safepoint of each CPU nobody writes any more who had looked before
    tracing_unlock();
  }
  return length;
}

@notrace export function show_size(at: usize, limit: usize, subject: i32): usize {
  return put_text(put_number(at, (PAGE_SIZE << tracing().order) >> 10), "\n");
}
@notrace function store_size(subject: i32, text: usize, length: i32): i32 {
  const value = parse_number(text, trimmed(text, length));
  tracing_lock();
  const result = set_buffer_size(value);
  tracing_unlock();
  return result ? result : length;
}
