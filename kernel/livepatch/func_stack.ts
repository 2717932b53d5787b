/**
 * The versions of a function: a stack per slot, newest first, below them all the original.
 *
 *   KLP_SLOTS[slot] ─► Func (newest) ─► Func ─► … ─► 0 = original, at table index STRIDE + slot
 *
 * A slow stub looks at no stack: beside it a slot has two choices, one per side of a transition, and the stub takes that
 * of its context (side.ts).
 */
import { KLP_SLOTS, KLP_SLOT_CHOICE, KLP_SLOT_SIZE, MACHINE, MACHINE_STRIDE, MAX_SLOTS } from "../layout";
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
}
export const FUNC_SIZE = <i32>offsetof<Func>();

@unmanaged
class SlotRecord {
  top: Func;
  /** 1 while stacks may hold frames of another version than the top: the stub stays. */
  lingering: i32;
  /** What calls through a stub go to. Written by livepatchd while both sides agree or nobody is on the other. */
  marked_index: i32;
  moved_index: i32;
}
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
@inline export function slow_stub_index(slot: i32): i32 {
  return 2 * load<i32>(MACHINE, MACHINE_STRIDE) + slot;
}
@inline export function index_of(func: Func, slot: i32): i32 {
  return changetype<usize>(func) ? func.index : original_index(slot);
}
export function is_lingering(slot: i32): bool {
  return record(slot).lingering != 0;
}
@notrace export function set_lingering(slot: i32, lingers: bool): void {
  record(slot).lingering = lingers ? 1 : 0;
}
@inline export function is_slot(slot: i32): bool {
  return slot > 0 && slot < MAX_SLOTS && slot < load<i32>(MACHINE, MACHINE_STRIDE);
}

/** Every slot begins with its original. */
export function func_stacks_init(): void {
  for (let slot = 1; is_slot(slot); slot++) publish_top(slot);
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

/** The same for both: the newest version. */
@notrace export function publish_top(slot: i32): void {
  const index = index_of(top_of(slot), slot);
  publish(slot, index, index);
}

/** Table index of the version that a new call of `slot` goes to, for the running context: what slow stubs look up. */
@notrace export function chosen_index(slot: i32): i32 {
  return load<i32>(changetype<usize>(record(slot)) + <usize>side(), KLP_SLOT_CHOICE);
}
