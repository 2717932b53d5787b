/**
 * The versions of a function: a stack per slot, newest first, below them all the original.
 *
 *   KLP_SLOTS[slot] ─► Func (newest) ─► Func ─► … ─► 0 = original, at table index STRIDE + slot
 *
 * A slow stub looks at no stack: beside it a slot has two choices, one per side of a transition, and the stub takes that
 * of its context (side.ts). There is one in the kernel's image, and one may come with a patch's version: each serves all
 * versions, and its own without a second indirect call.
 */
import { KLP_ENTRIES, KLP_SLOTS, KLP_SLOT_CHOICE, KLP_SLOT_SIZE, MACHINE, MACHINE_STRIDE, MAX_SLOTS, WORD } from "../layout";
import { SIDE_MARKED, SIDE_MOVED, side } from "./side";

/** One function of a loaded patch. Written by livepatchd; read by stubs. */
@unmanaged
export class Func {
  slot: i32;
  /** Table index of this version. */
  index: i32;
  flags: i32;
  /** The version below, or null for the original. */
  below: Func;
  /** Number of its patch. */
  patch: i32;
  /** Table index of the slow stub that came with it, or 0. */
  stub: i32;
}
export const FUNC_SIZE = <i32>offsetof<Func>();

@unmanaged
class SlotRecord {
  top: Func;
  /** SLOT_* bits; atomic: every CPU that scans its task may find old frames. */
  flags: i32;
  /** What calls through a stub go to. Written by livepatchd while both sides agree or nobody is on the other. */
  marked_index: i32;
  moved_index: i32;
  /** Table index of the slow stub while contexts move. Written by livepatchd before. */
  stub: i32;
}
/** Stacks may hold frames of another version than the top: the slow stub stays. */
const SLOT_LINGERS = 1;
/** A transition moves contexts from one version to another, by the slow stub. */
const SLOT_MOVES = 2;
/** Calls are traced. */
const SLOT_TRACED = 4;
if (<i32>offsetof<SlotRecord>("marked_index") != KLP_SLOT_CHOICE + SIDE_MARKED) ERROR("SlotRecord no longer fits layout.ts");
if (<i32>offsetof<SlotRecord>("moved_index") != KLP_SLOT_CHOICE + SIDE_MOVED) ERROR("SlotRecord no longer fits layout.ts");
if (<i32>offsetof<SlotRecord>() != KLP_SLOT_SIZE) ERROR("SlotRecord no longer fits layout.ts");

@inline function record(slot: i32): SlotRecord {
  return changetype<SlotRecord>(<usize>(KLP_SLOTS + slot * KLP_SLOT_SIZE));
}
@inline export function top_of(slot: i32): Func {
  return record(slot).top;
}
@inline export function original_index(slot: i32): i32 {
  return load<i32>(MACHINE, MACHINE_STRIDE) + slot;
}
@inline function slow_stub_index(slot: i32): i32 {
  return 2 * load<i32>(MACHINE, MACHINE_STRIDE) + slot;
}
@inline export function index_of(func: Func, slot: i32): i32 {
  return changetype<usize>(func) ? func.index : original_index(slot);
}
@inline function trace_stub_index(slot: i32): i32 {
  return 3 * load<i32>(MACHINE, MACHINE_STRIDE) + slot;
}

@notrace function has(slot: i32, flag: i32): bool {
  return (atomic.load<i32>(changetype<usize>(record(slot)), offsetof<SlotRecord>("flags")) & flag) != 0;
}
@notrace function set(slot: i32, flag: i32, on: bool): void {
  const at = changetype<usize>(record(slot));
  if (on) atomic.or<i32>(at, flag, offsetof<SlotRecord>("flags"));
  else atomic.and<i32>(at, ~flag, offsetof<SlotRecord>("flags"));
}
@notrace export function is_lingering(slot: i32): bool {
  return has(slot, SLOT_LINGERS);
}
@notrace export function set_lingering(slot: i32, lingers: bool): void {
  set(slot, SLOT_LINGERS, lingers);
}
/** Contexts are about to move to version `func`, or to the original. */
@notrace export function set_moving(slot: i32, func: Func): void {
  const brought = changetype<usize>(func) ? func.stub : 0;
  record(slot).stub = brought ? brought : slow_stub_index(slot);
  set(slot, SLOT_MOVES, true);
}
@notrace export function set_settled(slot: i32): void {
  set(slot, SLOT_MOVES, false);
}
@notrace export function is_traced(slot: i32): bool {
  return has(slot, SLOT_TRACED);
}
@notrace export function set_traced(slot: i32, traced: bool): void {
  set(slot, SLOT_TRACED, traced);
}

/**
 * What every CPU's entry of `slot` is to be, the only place that says so: the outermost in force. The trace stub goes
 * where the slow stub would, the slow stub to the version of the context or of the frame.
 */
@notrace export function entry_of(slot: i32): i32 {
  if (has(slot, SLOT_TRACED)) return trace_stub_index(slot);
  if (has(slot, SLOT_MOVES)) return record(slot).stub;
  return has(slot, SLOT_LINGERS) ? slow_stub_index(slot) : index_of(top_of(slot), slot);
}

@inline export function is_slot(slot: i32): bool {
  return slot > 0 && slot < MAX_SLOTS && slot < load<i32>(MACHINE, MACHINE_STRIDE);
}

/** Whether patch `number` has a version above `func` in its slot. */
@notrace export function newer_on_top(func: Func, number: i32): bool {
  for (let above = top_of(func.slot); changetype<usize>(above) && above != func; above = above.below) if (above.patch == number) return true;
  return false;
}

/** Every slot begins with its original. */
export function func_stacks_init(): void {
  for (let slot = 1; is_slot(slot); slot++) publish_top(slot);
}

/** A module has left these slots: what was noted of its functions is no more. */
@notrace export function forget_slots(first: i32, count: i32): void {
  for (let slot = first; slot < first + count; slot++) {
    atomic.store<i32>(changetype<usize>(record(slot)), 0, offsetof<SlotRecord>("flags"));
    record(slot).top = changetype<Func>(0);
    publish_top(slot);
    store<i32>(<usize>(KLP_ENTRIES + slot * WORD), 0);
  }
}

/** Makes `func` the newest version of its slot. */
@notrace export function push_func(func: Func): void {
  func.below = top_of(func.slot);
  record(func.slot).top = func;
}

/** Takes `func`, the newest, off its slot. */
@notrace export function pop_func(func: Func): void {
  record(func.slot).top = func.below;
}

/** What calls of `slot` through a stub go to from now on, in contexts that have not moved and in those that have. */
@notrace export function publish(slot: i32, marked: i32, moved: i32): void {
  record(slot).marked_index = marked;
  record(slot).moved_index = moved;
}

/** What contexts that have moved call is what those that have not called, and the other way around; nobody runs. */
@notrace export function exchange_choices(slot: i32): void {
  publish(slot, record(slot).moved_index, record(slot).marked_index);
}

/** The same for both: the newest version. */
@notrace export function publish_top(slot: i32): void {
  const index = index_of(top_of(slot), slot);
  publish(slot, index, index);
}

/** Table index of the version that a new call of `slot` goes to, for the running context: what slow stubs look up. */
@notrace export function chosen_index(slot: i32): i32 {
  return load<i32>(changetype<usize>(record(slot)) + <usize>side(), KLP_SLOT_CHOICE);
}
