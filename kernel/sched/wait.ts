/**
 * Wait queues: where tasks sleep until a condition may have changed.
 *
 *   for (;;) {                          in a loop, so that a spurious wake-up only costs a round
 *     prepare_to_wait(queue, state);    queues the task, then sets its state
 *     if (condition) break;
 *     schedule();
 *   }
 *   finish_wait(queue);
 *
 * The list node lies in the task record, so that a saved stack holds no pointer into itself: a task waits on one queue
 * at a time.
 */
import { EINTR, ERESTART, TASK_RUNNING } from "../abi";
import { ListNode, list_add_tail, list_empty, list_init, list_remove } from "../lib/list";
import { SpinLock, spin_lock, spin_lock_init, spin_unlock } from "../lock/spinlock";
import { wake_up_task } from "./core";
import { STOP_SIGNALS } from "./signal";
import { Task, current, set_current_state, task_of_wait_node, wait_node } from "./task";

/** The lock guards the list. */
@unmanaged
export class WaitQueue extends SpinLock {
  head_next: ListNode;
  head_prev: ListNode;
}

@inline function head(queue: WaitQueue): ListNode {
  return changetype<ListNode>(changetype<usize>(queue) + offsetof<WaitQueue>("head_next"));
}

export function wait_queue_init(queue: WaitQueue, name: string): void {
  spin_lock_init(queue, name);
  list_init(head(queue));
}

/** Queues the current task and sets its state; call before looking at the condition. */
export function prepare_to_wait(queue: WaitQueue, state: i32): void {
  const task = current();
  spin_lock(queue);
  if (list_empty(wait_node(task))) list_add_tail(head(queue), wait_node(task));
  task.waits_on = changetype<usize>(queue);
  set_current_state(state);
  spin_unlock(queue);
}

/** Takes the current task off the queue it was on when its stack was thrown away. */
export function abandon_wait(): void {
  const queue = changetype<WaitQueue>(current().waits_on);
  if (!changetype<usize>(queue)) return;
  finish_wait(queue);
  wake_up(queue); // a wake-up may have come for it, which nobody else got
}

/** Undoes prepare_to_wait(), whoever woke the task. */
export function finish_wait(queue: WaitQueue): void {
  const task = current();
  set_current_state(TASK_RUNNING);
  spin_lock(queue);
  list_remove(wait_node(task));
  task.waits_on = 0;
  spin_unlock(queue);
}

/** Wakes the longest waiter that is asleep; the caller changed the condition before. Any context. */
export function wake_up(queue: WaitQueue): void {
  spin_lock(queue);
  wake_locked(queue, 1);
  spin_unlock(queue);
}

/** Wakes all of them. */
export function wake_up_all(queue: WaitQueue): void {
  spin_lock(queue);
  wake_locked(queue, i32.MAX_VALUE);
  spin_unlock(queue);
}

/** Wakes at most `most`; the queue's lock is held. */
@notrace export function wake_locked(queue: WaitQueue, most: i32): void {
  const end = head(queue);
  for (let node = end.next; node != end && most > 0; ) {
    const next = node.next;
    const task = task_of_wait_node(node);
    list_remove(node); // a waiter that finds its condition false queues itself again
    if (wake_up_task(task)) most--; // one that a signal woke already does not count: the next is tried
    node = next;
  }
}

/** Wakes at most `most` of those whose `wait_key` is `key`; gives how many. */
export function wake_up_key(queue: WaitQueue, key: usize, most: i32): i32 {
  let woken = 0;
  spin_lock(queue);
  const end = head(queue);
  for (let node = end.next; node != end && woken < most; ) {
    const next = node.next;
    const task = task_of_wait_node(node);
    if (task.wait_key == key) {
      list_remove(node);
      if (wake_up_task(task)) woken++;
    }
    node = next;
  }
  spin_unlock(queue);
  return woken;
}

/** What ends an interruptible sleep early: -EINTR for a deadly signal, -ERESTART for one that stops and for a live-patch poke; else 0. */
@inline export function interrupted(): i32 {
  const task = changetype<usize>(current());
  const pending = atomic.load<u64>(task, offsetof<Task>("pending"));
  if (pending) return pending & ~STOP_SIGNALS ? -EINTR : -ERESTART;
  return atomic.load<i32>(task, offsetof<Task>("poked")) ? -ERESTART : 0;
}

/** Whether anybody waits; a hint unless the lock is held. */
export function has_waiters(queue: WaitQueue): bool {
  return !list_empty(head(queue));
}
