/**
 * Which universe a context lives in, and where it may change: the per-task flag of kGraft.
 *
 * TF_KGR set = not yet moved by the running transition. Tasks move at the kernel's border and at safe points of kernel
 * threads, and only in phase FLIP, when every CPU has its stubs. The end of each trip is counted, moved or not.
 */
import { PENDING_CALL } from "../abi";
import { METER_KIND_MOVED } from "../records";
import { clock_ns } from "../cpu/clock";
import { give_way, step_now } from "../cpu/give_way";
import { raise_pending, set_need_resched } from "../cpu/irq";
import { meter_record } from "../cpu/meter";
import { cpu_id, this_cpu } from "../cpu/percpu";
import { MACHINE, MACHINE_KGR_ASKED, MACHINE_KGR_OVER, PERCPU_RUN_IDLE, TASK_NAME } from "../layout";
import { pr_debug } from "../lib/debug";
import { clear_flag, current, has_flag, set_flag, TF_KGR, Task } from "../sched/task";
import { queues_flagged } from "../sched/runqueue";
import { SIDE_MARKED, SIDE_MOVED, set_side } from "./side";
import { KlpState, PHASE_FLIP, klp, phase } from "./state";

/** The side of a task on which no interrupt runs. */
@inline export function side_of(task: Task): i32 {
  return has_flag(task, TF_KGR) ? SIDE_MARKED : SIDE_MOVED;
}

/** A border: the current task's trip ends here and the next begins. */
@inline export function kgr_task_safe(): void {
  const task = current();
  task.trip += 1;
  if (has_flag(task, TF_KGR)) flip(task);
}

/** The same border, looked at once more before the task may be switched out there: it need not wait for its next turn. */
@inline export function kgr_task_passes(): void {
  if (has_flag(current(), TF_KGR)) kgr_task_safe();
}

@notrace function flip(task: Task): void {
  if (phase() != PHASE_FLIP) return;
  pr_debug("%s[%d] moves", changetype<usize>(task) + TASK_NAME, task.pid);
  clear_flag(task, TF_KGR);
  set_side(SIDE_MOVED);
  atomic.store<i32>(changetype<usize>(task), 0, offsetof<Task>("poked"));
  atomic.store<i32>(changetype<usize>(task), 0, offsetof<Task>("nudged"));
  meter_record(METER_KIND_MOVED, task.pid, load<f64>(MACHINE, MACHINE_KGR_ASKED), clock_ns());
  if (atomic.load<i32>(this_cpu, PERCPU_RUN_IDLE)) set_need_resched(); // the idle task let this one go first
  moved();
}

/** One marked task less. The last one has an interrupt tell livepatchd: a border is no place for locks. */
@notrace function moved(): void {
  if (atomic.sub<i32>(changetype<usize>(klp()), 1, offsetof<KlpState>("remaining")) != 1) return;
  store<f64>(MACHINE, clock_ns(), MACHINE_KGR_OVER);
  raise_pending(cpu_id, PENDING_CALL);
}

/** The border of an idle task. When the others of this CPU have moved too, its core may go to a CPU that has some left. */
@notrace export function kgr_idle_safe(): void {
  // Before the border, and not when it is chosen: its loop's safepoint may send it away in between.
  atomic.store<i32>(this_cpu, 0, PERCPU_RUN_IDLE);
  const marked = has_flag(current(), TF_KGR);
  const step = step_now();
  kgr_task_safe();
  if (marked && !has_flag(current(), TF_KGR) && !all_moved() && !queues_flagged(TF_KGR)) give_way(step);
}

/** Whether nobody is marked any more. */
@inline export function all_moved(): bool {
  return atomic.load<i32>(changetype<usize>(klp()), offsetof<KlpState>("remaining")) == 0;
}

/** Marks a task as not moved; the task list is locked, or the task is an idle task. */
@notrace export function kgr_mark(task: Task): void {
  if (has_flag(task, TF_KGR)) return;
  set_flag(task, TF_KGR);
  atomic.add<i32>(changetype<usize>(klp()), 1, offsetof<KlpState>("remaining"));
}

/**
 * The current task becomes a zombie: nobody waits for it any more. It keeps the flag, so the few calls that it still
 * makes stay in its universe. The task list is locked, so that marking sees either a live task or a zombie.
 */
@notrace export function kgr_exit(): void {
  if (has_flag(current(), TF_KGR)) moved();
}
