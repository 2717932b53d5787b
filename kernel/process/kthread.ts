/**
 * Kernel threads: tasks without a window that run kernel code and stop when asked.
 */
import { EINTR, ERESTART } from "../abi";
import { put_number, put_text } from "../lib/text";
import { kfree, kmalloc } from "../mm/slab";
import { wake_up_task } from "../sched/core";
import { kgr_task_safe } from "../livepatch/universe";
import { TF_KTHREAD, TF_PINNED, TF_SHOULD_STOP, Task, TaskFunction, current, has_flag, set_flag } from "../sched/task";
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
