/**
 * Kernel threads: tasks without a window that run kernel code and stop when asked.
 */
import { EINTR, ERESTART, TASK_INTERRUPTIBLE } from "../abi";
import { clock_ns } from "../cpu/clock";
import { PARKING } from "../layout";
import { put_number, put_text } from "../lib/text";
import { kfree, kmalloc } from "../mm/slab";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { schedule, wake_up_task } from "../sched/core";
import { task_rq_lock } from "../sched/runqueue";
import { kgr_task_safe } from "../livepatch/universe";
import {
  TF_KTHREAD, TF_PARKED, TF_PINNED, TF_SHOULD_PARK, TF_SHOULD_STOP, Task, TaskFunction, clear_flag, current, has_flag, on_cpu, set_flag, wake_lock,
} from "../sched/task";
import { sleep_until_uninterruptible } from "../sched/timer";
import { WaitQueue, finish_wait, prepare_to_wait, wait_queue_init } from "../sched/wait";
import { create_task, start_task } from "./create";
import { wait_for_child } from "./exit";

/** Pinned nowhere. */
export const ANY_CPU = -1;

/**
 * A running kernel thread, child of the caller; null when memory or pids are out. With a `cpu` it stays there and its
 * name ends in "/cpu". `fn` returns the exit code.
 */
@sleeps export function kthread_run(fn: TaskFunction, argument: i32, name: string, cpu: i32): Task {
  const text = kmalloc(64);
  if (!text) return changetype<Task>(0);
  let end = put_text(text, name);
  if (cpu != ANY_CPU) end = put_number(put_text(end, "/"), cpu);
  const task = create_task(text, <i32>(end - text), fn, argument, current(), cpu == ANY_CPU ? TF_KTHREAD : TF_KTHREAD | TF_PINNED);
  kfree(text);
  if (!changetype<usize>(task)) return task;
  if (cpu != ANY_CPU) task.cpu = cpu;
  start_task(task);
  return task;
}

/** Whether the current kernel thread was asked to end; it looks whenever it could. Asking ends a trip. */
export function kthread_should_stop(): bool {
  kgr_task_safe();
  return has_flag(current(), TF_SHOULD_STOP);
}

/** Asks `task`, a child of the caller, to end, and waits for it; gives its exit code, or -errno. */
export function kthread_stop(task: Task): i32 {
  const pid = task.pid;
  // Set before the wake-up; pairs with kthread_should_stop(), which the thread asks after it set its state.
  set_flag(task, TF_SHOULD_STOP);
  wake_up_task(task);
  const status = kmalloc(4);
  let result = -EINTR;
  while (result == -EINTR || result == -ERESTART) result = wait_for_child(pid, status, 0);
  if (result == pid) result = load<i32>(status) >> 8;
  kfree(status);
  return result;
}

/** Whether the current thread's CPU is about to leave: then it goes to kthread_parkme() instead of to sleep. */
export function kthread_should_park(): bool {
  return has_flag(current(), TF_SHOULD_PARK);
}

/** Waits, on whatever CPU, until the thread's own is back; returns there. Woken for its border meanwhile, it passes it. */
export function kthread_parkme(): void {
  const task = current();
  clear_flag(task, TF_PINNED);
  set_flag(task, TF_PARKED); // pairs with kthread_park()
  for (;;) {
    prepare_to_wait(parking(), TASK_INTERRUPTIBLE);
    if (!has_flag(task, TF_SHOULD_PARK)) break;
    schedule();
    finish_wait(parking());
    kgr_task_safe();
  }
  finish_wait(parking());
  clear_flag(task, TF_PARKED);
}

/** Has a pinned thread that asks kthread_should_park() leave its CPU, and returns when it has. */
export function kthread_park(task: Task): void {
  set_flag(task, TF_SHOULD_PARK); // before the wake-up; pairs with kthread_should_park(), asked after it set its state
  wake_up_task(task);
  while (!has_flag(task, TF_PARKED)) sleep_a_moment();
}

/** Brings a parked thread back to `cpu`, which is there again. */
export function kthread_unpark(task: Task, cpu: i32): void {
  while (!rebind(task, cpu)) sleep_a_moment();
  clear_flag(task, TF_SHOULD_PARK);
  wake_up_task(task);
}

/** Pins a task that is asleep to `cpu`; false while it is not. */
@notrace function rebind(task: Task, cpu: i32): bool {
  spin_lock(wake_lock(task));
  const rq = task_rq_lock(task);
  const asleep = !task.on_rq && !on_cpu(task);
  if (asleep) {
    task.cpu = cpu;
    set_flag(task, TF_PINNED);
  }
  spin_unlock(rq);
  spin_unlock(wake_lock(task));
  return asleep;
}

const MOMENT_NS: f64 = 50000;

/** For loops that wait for another CPU. Who is being killed sleeps too: it may be what keeps a CPU from going. */
export function sleep_a_moment(): void {
  sleep_until_uninterruptible(clock_ns() + MOMENT_NS);
}

@inline function parking(): WaitQueue {
  return changetype<WaitQueue>(<usize>PARKING);
}

export function parking_init(): void {
  wait_queue_init(parking(), "parked");
}
