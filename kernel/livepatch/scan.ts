/**
 * Looking for frames of a patch's functions on saved stacks.
 *
 * A scan asks: does any stack hold a frame of version `not` the one on top? Each task's stack is looked at once per
 * generation, when it is in memory: asleep, or at its CPU's exit. Frames of a version that nobody can call any more
 * never come back, so one look per task is enough.
 */
import { PATCH_FRAME_IDS, PATCH_FRAME_RANGE, TASK_ZOMBIE } from "../abi";
import { SYMBOL_INDEX, SYMBOL_SLOT, WORD } from "../layout";
import { panic } from "../lib/printk";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { runqueue } from "../sched/runqueue";
import { Task, current, stack_base, task_state } from "../sched/task";
import { frame_below, pin_task, symbol_row, unpin_task } from "../sched/stacktrace";
import { first_task, get_task, is_listed, next_task, put_task, tasklist } from "../sched/tasklist";
import { index_of, is_slot, set_lingering, top_of } from "./func_stack";
import { poke_all_cpus, pokes_clear, wait_a_little } from "./poke";
import { KlpState, PHASE_SETTLE, klp, phase, set_phase } from "./state";

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

/** Whether a stack holds a frame of patch `number`, or of module `number - MAX_PATCHES`; livepatchd's, the phase is the caller's to end. */
export function has_frames(number: i32): bool {
  klp().leaving = number + 1;
  klp().found = 0;
  scan_all_stacks();
  klp().leaving = 0;
  return klp().found != 0;
}

/** Looks at every stack once, saved or live; what it finds is in the slots' lingering flags. */
export function scan_all_stacks(): void {
  set_phase(PHASE_SETTLE);
  atomic.add<i32>(changetype<usize>(klp()), 1, offsetof<KlpState>("generation"));
  for (let round = 0; ; round++) {
    pokes_clear();
    poke_all_cpus(); // each CPU's current task is looked at while it is unwound
    if (all_scanned()) return;
    wait_a_little(round);
  }
}

/** Looks at tasks that sleep; false while one was missed because it ran elsewhere just now. */
function all_scanned(): bool {
  let missed = 0;
  for (let task = hold_next(changetype<Task>(0)); changetype<usize>(task); ) {
    if (task == current()) task.scanned = generation(); // livepatchd itself runs no patched loop
    if (task.scanned != generation()) {
      if (pin_task(task)) {
        if (task_state(task) < TASK_ZOMBIE) scan_task(task);
        else task.scanned = generation(); // it never runs again
        unpin_task(task, runqueue(task.cpu));
      } else missed++;
    }
    const next = hold_next(task);
    put_task(task);
    task = next;
  }
  return missed == 0;
}

/** A reference to the task behind `task`, which the caller holds, or to the first; null at the end. */
@notrace function hold_next(task: Task): Task {
  spin_lock(tasklist());
  // One that has left the list since knows no next one: from the start, where all that was scanned is passed over.
  const next = changetype<usize>(task) && is_listed(task) ? next_task(task) : first_task();
  if (changetype<usize>(next)) get_task(next);
  spin_unlock(tasklist());
  return next;
}
