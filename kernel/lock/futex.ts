/**
 * Futexes: the sleeping half of locks that user programs make of a word in their window.
 *
 *   the locker                                    the unlocker
 *   queues itself, then loads the word            stores the word, then looks at the queue
 *   word still taken → sleeps                     wakes who waits for this word
 *
 * The key is the word's kernel address, so threads that share a window meet and nobody else does. Words share a queue
 * by hash; a waiter says in `wait_key` which it means.
 */
import { EAGAIN, TASK_INTERRUPTIBLE } from "../abi";
import { FUTEXES, FUTEX_QUEUES, FUTEX_QUEUE_SIZE } from "../layout";
import { might_sleep, schedule } from "../sched/core";
import { current } from "../sched/task";
import { WaitQueue, finish_wait, interrupted, prepare_to_wait, wait_queue_init, wake_up_key } from "../sched/wait";

if (<i32>offsetof<WaitQueue>() > FUTEX_QUEUE_SIZE) ERROR("a futex's wait queue no longer fits layout.ts");

@inline function queue_of(word: usize): WaitQueue {
  return changetype<WaitQueue>(<usize>FUTEXES + ((word >> 2) * 2654435761 >> 16) % FUTEX_QUEUES * FUTEX_QUEUE_SIZE);
}

export function futexes_init(): void {
  for (let i = 0; i < FUTEX_QUEUES; i++) wait_queue_init(changetype<WaitQueue>(<usize>(FUTEXES + i * FUTEX_QUEUE_SIZE)), "futex");
}

/** Sleeps if the word at kernel address `word` holds `value`: 0 when woken, perhaps for nothing; -EAGAIN when it does not. */
export function futex_wait(word: usize, value: i32): i32 {
  might_sleep();
  const queue = queue_of(word);
  current().wait_key = word;
  prepare_to_wait(queue, TASK_INTERRUPTIBLE);
  // Loaded behind being queued; pairs with the unlocker's store, which comes before its system call.
  const same = atomic.load<i32>(word) == value;
  const before = interrupted();
  if (same && !before) schedule();
  finish_wait(queue);
  if (!same) return -EAGAIN;
  return before ? before : interrupted();
}

/** Wakes at most `most` of those who sleep for `word`; gives how many. */
export function futex_wake(word: usize, most: i32): i32 {
  return wake_up_key(queue_of(word), word, most);
}
