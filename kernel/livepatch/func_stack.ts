/**
 * The versions of a function: a stack per slot, newest first, below them all the original.
 *
 *   KLP_SLOTS[slot] ─► Func (newest) ─► Func ─► … ─► 0 = original, at table index STRIDE + slot
 *
 * `chosen_index()` is what the slow stub asks at each call. While a transition runs, contexts that have not moved yet
 * see the side that it leaves.
 */
import { KLP_SLOTS, KLP_SLOT_SIZE, MACHINE, MACHINE_STRIDE, MAX_SLOTS, PERCPU_IN_IRQ, PERCPU_KLP_IRQ } from "../layout";
import { this_cpu } from "../cpu/percpu";
import { current, has_flag, TF_KGR } from "../sched/task";
import { klp } from "./state";

/** One function of a loaded patch. Written by livepatchd; read by stubs. */
@unmanaged
export class Func {
  slot: i32;
  /** Table index of this version. */
  index: i32;
  flags: i32;
  /** 1 while its patch is in transition. */
  transition: i32;
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
}
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

/** Makes `func` the newest version of its slot. */
@notrace export function push_func(func: Func): void {
  func.below = top_of(func.slot);
  record(func.slot).top = func;
}

/** Takes `func`, the newest, off its slot. */
@notrace export function pop_func(func: Func): void {
  record(func.slot).top = func.below;
}

/** Whether the running context has moved to the universe that the transition leads to. */
@notrace function has_moved(): bool {
  if (load<i32>(this_cpu, PERCPU_IN_IRQ)) return load<i32>(this_cpu, PERCPU_KLP_IRQ) != 0;
  return !has_flag(current(), TF_KGR);
}

/** Table index of the version that a new call of `slot` goes to, for the running context. */
@notrace export function chosen_index(slot: i32): i32 {
  const top = top_of(slot);
  if (!changetype<usize>(top)) return original_index(slot);
  if (!top.transition) return top.index;
  const patched = has_moved() == (klp().target != 0);
  return patched ? top.index : index_of(top.below, slot);
}
