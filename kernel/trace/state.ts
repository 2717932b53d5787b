/**
 * The tracer's shared words: what is asked for, and which slots that concerns.
 *
 *   TRACING      one Tracing record
 *   TRACE_SLOTS  per table slot: u16 place of its original among the kernel's functions (0: no such slot), or among those of
 *                a module plus one; u8 MARK_* bits; u8 number of that module plus one, or 0
 *
 * Whoever changes them holds the mutex (control.ts); stubs on every CPU read them. A slot's entry follows its
 * MARK_WANTED by livepatchd's hand.
 */
import { PATCH_FRAME_IDS, PATCH_FRAME_RANGE } from "../abi";
import { MAX_PATCHES, MAX_SLOTS, TRACE_SLOTS, TRACE_SLOT_SIZE, TRACING, TRACING_SIZE } from "../layout";

export const TRACER_NOP = 0;
export const TRACER_FUNCTION = 1;
export const TRACER_GRAPH = 2;

/** set_ftrace_filter names it. */
export const MARK_FILTER = 1;
/** set_ftrace_notrace names it. */
export const MARK_NOTRACE = 2;
/** A probe is at its entry. */
export const MARK_PROBED = 4;
/** All told: its calls go through the trace stub. */
export const MARK_WANTED = 8;
/** set_graph_function names it. */
export const MARK_GRAPH = 16;
/** The tracer records its calls; its stub may be there for a probe alone. */
export const MARK_CHOSEN = 32;
/** A probe leads its calls elsewhere. */
export const MARK_REDIRECTED = 64;
/** Its stub stays, traced or not: stacks may hold frames of what stood in for it. */
export const MARK_LINGERS = 128;

@unmanaged
export class Tracing {
  /** TRACER_*; set before the stubs come, cleared after they have gone. */
  tracer: i32;
  /** tracing_on: records are written; atomic. */
  on: i32;
  /** kernel.ftrace_enabled: 0 takes every trace stub away; atomic. */
  enabled: i32;
  /** Number of the graph tracer's run: what a return stack holds of an earlier one is void. */
  session: i32;
  /** Pages of a ring, as the order of a block. */
  order: i32;
  /** 1: function_graph begins with functions of MARK_GRAPH only. */
  graph_filtered: i32;
  /** Times that rings were given memory. */
  rings: i32;
  /** The reader that the host's mailbox is at, or 0. */
  host_reader: usize;
  /** Probes that write records now, and numbers that were given to such. */
  events: i32;
  event_numbers: i32;
}
if (<i32>offsetof<Tracing>() > TRACING_SIZE) ERROR("Tracing no longer fits layout.ts");

@inline export function tracing(): Tracing {
  return changetype<Tracing>(<usize>TRACING);
}

@inline export function is_enabled(): bool {
  return atomic.load<i32>(TRACING, offsetof<Tracing>("enabled")) != 0;
}

@inline function slot_record(slot: i32): usize {
  return <usize>(TRACE_SLOTS + slot * TRACE_SLOT_SIZE);
}
/** Frame id of the slot's original version, or 0. */
@notrace export function function_of(slot: i32): i32 {
  const place = <i32>load<u16>(slot_record(slot));
  const module = <i32>load<u8>(slot_record(slot), 3);
  return module ? first_id(module - 1) + place - 1 : place;
}
@inline export function set_function(slot: i32, id: i32): void {
  store<u16>(slot_record(slot), <u16>id);
  store<u8>(slot_record(slot), 0, 3);
}
/** Number of the module whose function it is, or -1. */
@inline export function slot_module(slot: i32): i32 {
  return <i32>load<u8>(slot_record(slot), 3) - 1;
}
/** The slot is that of function `place` of module `number`. */
@notrace export function set_module_function(slot: i32, number: i32, place: i32): void {
  store<u16>(slot_record(slot), <u16>(place + 1));
  store<u8>(slot_record(slot), <u8>(number + 1), 3);
}
@inline function first_id(module: i32): i32 {
  return PATCH_FRAME_IDS + (MAX_PATCHES + module) * PATCH_FRAME_RANGE;
}
@inline export function marks_of(slot: i32): i32 {
  return <i32>load<u8>(slot_record(slot), 2);
}
@inline export function set_marks(slot: i32, marks: i32): void {
  store<u8>(slot_record(slot), <u8>marks, 2);
}
@inline export function is_wanted(slot: i32): bool {
  return (marks_of(slot) & MARK_WANTED) != 0;
}
/** Slots are below this; those without a function are passed over. */
export const SLOT_END = MAX_SLOTS;
