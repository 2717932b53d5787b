/**
 * The operator's nudge: user tasks that sleep in the old universe are led to their border.
 */
import { TASK_INTERRUPTIBLE } from "../abi";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { wake_up_state } from "../sched/core";
import { TF_KGR, TF_KTHREAD, Task, has_flag } from "../sched/task";
import { first_task, next_task, tasklist } from "../sched/tasklist";
import { Patch } from "./patch";
import { wait_until_marked } from "./request";

/**
 * Pokes every user task that the transition of `patch` waits for: its sleep ends, it passes the border, its call is made
 * again. Gives how many. The caller holds klp_lock().
 */
export function poke_marked_tasks(patch: Patch): i32 {
  wait_until_marked(patch);
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
