/**
 * Signals, in the one form the machine needs so far: each one ends its task, at the user boundary.
 */
import { EINVAL, EPERM, ESRCH, TASK_INTERRUPTIBLE } from "../abi";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { wake_up_state } from "../sched/core";
import { TF_KTHREAD, Task, current, has_flag } from "../sched/task";
import { find_task, get_task, put_task, tasklist } from "../sched/tasklist";
import { do_exit } from "./exit";

/** Sends `signal` to a user task. -ESRCH, -EPERM for kernel threads, -EINVAL for a bad number; 0 only asks. */
export function kill(pid: i32, signal: i32): i32 {
  if (<u32>signal > 64) return -EINVAL;
  spin_lock(tasklist());
  const task = find_task(pid);
  if (changetype<usize>(task) == 0) {
    spin_unlock(tasklist());
    return -ESRCH;
  }
  get_task(task);
  spin_unlock(tasklist());
  let result = 0;
  if (has_flag(task, TF_KTHREAD)) result = -EPERM;
  else if (signal) {
    // Stored before the wake-up; pairs with interrupted(), which a sleeper asks after it set its state.
    atomic.cmpxchg<i32>(changetype<usize>(task), 0, signal, offsetof<Task>("signal"));
    wake_up_state(task, TASK_INTERRUPTIBLE);
  }
  put_task(task);
  return result;
}

/** At the way out to user code: ends the task if a signal is due. */
@inline export function deliver_signals(): void {
  const signal = atomic.load<i32>(changetype<usize>(current()), offsetof<Task>("signal"));
  if (signal) do_exit(signal);
}
