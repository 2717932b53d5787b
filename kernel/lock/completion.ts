/**
 * Completions: one task waits until another has done something.
 *
 * complete() lets one waiter pass, now or whenever it comes; complete_all() lets everybody pass from then on, until
 * completion_init() is called anew. A completion may be freed by its last waiter: who completes touches it for the last time
 * while it holds the queue's lock, which the waiter takes behind it.
 */
import { TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE } from "../abi";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { might_sleep, schedule } from "../sched/core";
import { WaitQueue, finish_wait, interrupted, prepare_to_wait, wait_queue_init, wake_locked, wake_up } from "../sched/wait";

/** The queue's lock guards the count. */
@unmanaged
export class Completion extends WaitQueue {
  /** Waiters that may still pass, or EVERYBODY. */
  done: i32;
}
export const COMPLETION_SIZE = <i32>offsetof<Completion>();

const EVERYBODY = i32.MAX_VALUE;

export function completion_init(completion: Completion, name: string): void {
  wait_queue_init(completion, name);
  completion.done = 0;
}

/** Lets one waiter pass. Any context. */
export function complete(completion: Completion): void {
  spin_lock(completion);
  if (completion.done != EVERYBODY) completion.done += 1;
  wake_locked(completion, 1);
  spin_unlock(completion);
}

/** Lets all waiters pass, and all that come later. Any context. */
export function complete_all(completion: Completion): void {
  spin_lock(completion);
  completion.done = EVERYBODY;
  wake_locked(completion, i32.MAX_VALUE);
  spin_unlock(completion);
}

/** Sleeps, whatever signals come, until it is let pass. */
export function wait_for_completion(completion: Completion): void {
  wait_for(completion, TASK_UNINTERRUPTIBLE);
}

/** The same, but a signal or a live-patch poke ends the wait: 0 when let pass, else -EINTR or -ERESTART. */
export function wait_for_completion_interruptible(completion: Completion): i32 {
  return wait_for(completion, TASK_INTERRUPTIBLE);
}

function wait_for(completion: Completion, state: i32): i32 {
  might_sleep();
  let error = 0;
  for (;;) {
    prepare_to_wait(completion, state);
    if (pass(completion)) break;
    if (state == TASK_INTERRUPTIBLE) {
      error = interrupted();
      if (error) break;
    }
    schedule();
  }
  finish_wait(completion);
  // complete() may have woken this task, of all waiters, when it had decided to give up.
  if (error) wake_up(completion);
  return error;
}

@notrace function pass(completion: Completion): bool {
  spin_lock(completion);
  const done = completion.done;
  if (done > 0 && done != EVERYBODY) completion.done = done - 1;
  spin_unlock(completion);
  return done > 0;
}
