/**
 * The operator's nudge: user tasks that sleep in the old universe are led to their border.
 */
import { TASK_INTERRUPTIBLE } from "../abi";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { wake_up_state } from "../sched/core";
import { TF_KGR, TF_KTHREAD, Task, has_flag } from "../sched/task";
import { first_task, next_task, tasklist } from "../sched/tasklist";

/** Pokes every user task that has not moved: its sleep ends, it passes the border, its call is made again. Gives how many. */
export function poke_marked_tasks(): i32 {
  let poked = 0;
  spin_lock(tasklist());
  for (let task = first_task(); changetype<usize>(task); task = next_task(task)) {
    if (!has_flag(task, TF_KGR) || has_flag(task, TF_KTHREAD)) continue;
    // Stored before the wake-up; pairs with interrupted(), which a sleeper asks after it set its state.
    atomic.store<i32>(changetype<usize>(task), 1, offsetof<Task>("poked"));
    wake_up_state(task, TASK_INTERRUPTIBLE);
    poked++;
  }
  spin_unlock(tasklist());
  return poked;
}
