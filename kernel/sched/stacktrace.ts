/**
 * Reading a saved stack: every frame ends in the id of the function version that made it.
 *
 *   stack base ─► [switch_task] [schedule] … [call index | locals | id of task_entry] ◄─ stack_pos
 *
 * Unwinding saves the innermost frame first, so it lies lowest; a walk from the top meets the outermost first.
 * A stack is readable while its task cannot run, so walkers pin the task first. Every word is checked: an id without
 * a row, or frames that do not end exactly at the base, make the whole stack unreliable rather than half right.
 */
import { PATCH_FRAME_IDS, PATCH_FRAME_RANGE, USER_FRAME_IDS } from "../abi";
import {
  KLP_PATCHES, KLP_PATCH_SIZE, MAX_MODULES, MAX_PATCHES, MACHINE, MACHINE_SYMBOLS, MACHINE_SYMBOL_COUNT, MACHINE_USER_SYMBOLS, MACHINE_USER_SYMBOL_COUNT, SYMBOL_FRAME, SYMBOL_NAME, SYMBOL_NAME_LENGTH, SYMBOL_SIZE, WORD,
} from "../layout";
import { put_bytes, put_number, put_text } from "../lib/text";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { RunQueue, task_rq_lock } from "./runqueue";
import { Task, on_cpu, stack_base, wake_lock } from "./task";

/** Longest walk; a stack page cannot hold more frames. */
const MAX_FRAMES = 4096;

@inline function row_of(index: u32, table: u32, rows: u32): usize {
  return index < rows ? <usize>(table + index * SYMBOL_SIZE) : 0;
}

/** Row of a frame id, or 0. */
@notrace export function symbol_row(id: u32): usize {
  if (id >= <u32>PATCH_FRAME_IDS) {
    const number = (id - PATCH_FRAME_IDS) / PATCH_FRAME_RANGE;
    if (number >= <u32>(MAX_PATCHES + MAX_MODULES)) return 0; // modules come behind patches
    const patch = <usize>(KLP_PATCHES + number * KLP_PATCH_SIZE);
    return row_of((id - PATCH_FRAME_IDS) % PATCH_FRAME_RANGE, load<u32>(patch), load<u32>(patch, WORD));
  }
  if (id < <u32>USER_FRAME_IDS) return row_of(id, load<u32>(MACHINE, MACHINE_SYMBOLS), load<u32>(MACHINE, MACHINE_SYMBOL_COUNT));
  return row_of(id - USER_FRAME_IDS, load<u32>(MACHINE, MACHINE_USER_SYMBOLS), load<u32>(MACHINE, MACHINE_USER_SYMBOL_COUNT));
}

/** Keeps `task` from running until unpin_task(); false, with nothing held, when a CPU runs it right now. */
export function pin_task(task: Task): bool {
  spin_lock(wake_lock(task)); // nobody wakes it
  const rq = task_rq_lock(task); // nobody picks it
  if (!on_cpu(task)) return true;
  spin_unlock(rq);
  spin_unlock(wake_lock(task));
  return false;
}

export function unpin_task(task: Task, rq: RunQueue): void {
  spin_unlock(rq);
  spin_unlock(wake_lock(task));
}

/** Start of the frame that ends at `end`, or 0 when its id makes no sense. */
@notrace export function frame_below(task: Task, end: usize): usize {
  const row = symbol_row(load<u32>(end - WORD));
  if (!row) return 0;
  const size = <usize>load<u32>(row, SYMBOL_FRAME);
  return size && end - size >= stack_base(task) ? end - size : 0;
}

/**
 * Writes the stack of a pinned task, innermost frame first, one line each: `[<0>] name+call`, where call is the index
 * of the call site within the function. At most `room` bytes; gives the end of the text.
 */
export function put_stack(at: usize, room: i32, task: Task): usize {
  const limit = at + room - 96;
  const depth = depth_of(task);
  if (depth < 0) return put_text(at, "[<0>] unreliable stack\n");
  for (let frame = depth - 1; frame >= 0 && at < limit; frame--) at = put_frame(at, frame_end(task, frame));
  return at;
}

/** Frames on a saved stack, or -1 when it cannot be read to its base. */
@notrace function depth_of(task: Task): i32 {
  let depth = 0;
  for (let end = task.stack_pos; end > stack_base(task); depth++) {
    end = frame_below(task, end);
    if (!end || depth == MAX_FRAMES) return -1;
  }
  return depth;
}

/** End of the frame that `outer` others enclose. */
@notrace function frame_end(task: Task, outer: i32): usize {
  let end = task.stack_pos;
  for (; outer > 0; outer--) end = frame_below(task, end);
  return end;
}

@notrace function put_frame(at: usize, end: usize): usize {
  const row = symbol_row(load<u32>(end - WORD));
  at = put_text(at, "[<0>] ");
  at = put_bytes(at, <usize>load<u32>(row, SYMBOL_NAME), min(load<i32>(row, SYMBOL_NAME_LENGTH), 64));
  at = put_text(at, "+");
  at = put_number(at, load<u32>(end - load<u32>(row, SYMBOL_FRAME)));
  return put_text(at, "\n");
}
