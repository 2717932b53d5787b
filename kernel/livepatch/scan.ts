/**
 * Looking for frames of a patch's functions on saved stacks.
 *
 * A scan asks: does any stack hold a frame of version `not` the one on top? Each task's stack is looked at once per
 * generation, when it is in memory: asleep, or at its CPU's exit. Frames of a version that nobody can call any more
 * never come back, so one look per task is enough.
 */
import { PATCH_FRAME_IDS, PATCH_FRAME_RANGE } from "../abi";
import { SYMBOL_INDEX, SYMBOL_SLOT, WORD } from "../layout";
import { panic } from "../lib/printk";
import { Task, current, stack_base } from "../sched/task";
import { frame_below, symbol_row } from "../sched/stacktrace";
import { index_of, is_slot, set_lingering, top_of } from "./func_stack";
import { KlpState, PHASE_SETTLE, klp, phase } from "./state";

/** Notes the slots that a saved stack holds old versions of, and whether it holds frames of the patch that leaves. */
@notrace function note_frames(task: Task): void {
  let end = task.stack_pos;
  while (end > stack_base(task)) {
    const start = frame_below(task, end);
    if (!start) panic("a saved stack cannot be read");
    const id = load<u32>(end - WORD);
    const row = symbol_row(id);
    const slot = load<i32>(row, SYMBOL_SLOT);
    if (is_slot(slot) && load<i32>(row, SYMBOL_INDEX) != index_of(top_of(slot), slot)) set_lingering(slot, true);
    if (id >= <u32>PATCH_FRAME_IDS && klp().leaving == <i32>((id - PATCH_FRAME_IDS) / PATCH_FRAME_RANGE) + 1) klp().found = 1;
    end = start;
  }
}

@inline export function generation(): i32 {
  return atomic.load<i32>(changetype<usize>(klp()), offsetof<KlpState>("generation"));
}

/** Called by cpu_run() when the current task was unwound for the host: its stack is in memory, and it will run on. */
@notrace export function scan_current(): void {
  if (phase() == PHASE_SETTLE) scan_task(current());
}

/** Looks at the saved stack of a task that cannot run meanwhile. */
@notrace export function scan_task(task: Task): void {
  note_frames(task);
  task.scanned = generation();
}
