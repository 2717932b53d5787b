/**
 * Mutexes: locks that may be held over a sleep, and know their holder.
 *
 *   the locker                                       the holder
 *   counts itself into `sleepers`, queues itself,    holder = 0, then looks at `sleepers`
 *   then tries to take it; taken still → sleeps      wakes the longest waiter
 *
 * Whoever comes first takes it: a woken waiter may find it taken again, and sleeps on. A waiter that gives up passes on
 * a wake-up that came for it. Process context only; not while the task is queued elsewhere; a mutex must not be freed
 * while somebody may be on the way out of mutex_unlock().
 */
import { TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE } from "../abi";
import { MUTEXES, MUTEXES_SIZE, TASK_NAME_SIZE } from "../layout";
import { die, invariant, log_begin, log_end, log_num, log_str, log_zero_ended, take_log } from "../lib/printk";
import { put_number, put_text, put_zero_ended } from "../lib/text";
import { might_sleep, schedule } from "../sched/core";
import { Task, current } from "../sched/task";
import { WaitQueue, finish_wait, interrupted, prepare_to_wait, wait_queue_init, wake_up } from "../sched/wait";
import { lockdep_order } from "./lockdep";

@unmanaged
export class Mutex extends WaitQueue {
  /** Task that holds it, or 0. Atomic. */
  holder: usize;
  /** Tasks that wait or are about to; spares the holder a look at the queue when there are none. Atomic. */
  sleepers: i32;
  /** What the holder took before it and still holds, or 0. The holder's, as is the task's `mutexes`. */
  outer: Mutex;
}
export const MUTEX_SIZE = <i32>offsetof<Mutex>();

/** Mutexes whose holder ended: nobody will ever get them. Atomic count; the name is the last one's. */
@unmanaged
class Abandoned {
  count: i32;
  name: usize;
}
if (<i32>offsetof<Abandoned>() > MUTEXES_SIZE) ERROR("Abandoned no longer fits layout.ts");

@inline function abandoned(): Abandoned {
  return changetype<Abandoned>(<usize>MUTEXES);
}
@inline function holder_of(mutex: Mutex): usize {
  return atomic.load<usize>(changetype<usize>(mutex), offsetof<Mutex>("holder"));
}

export function mutex_init(mutex: Mutex, name: string): void {
  wait_queue_init(mutex, name);
  mutex.holder = 0;
  mutex.sleepers = 0;
  mutex.outer = changetype<Mutex>(0);
}

/** Takes `mutex`; sleeps, whatever signals come. Panics when the caller holds it already. */
export function mutex_lock(mutex: Mutex): void {
  might_sleep();
  check_order(mutex);
  if (!take(mutex)) wait_for(mutex, TASK_UNINTERRUPTIBLE);
  note_taken(mutex);
}

/** The same, but a signal or a live-patch poke ends the wait: 0, or -EINTR or -ERESTART without the mutex. */
export function mutex_lock_interruptible(mutex: Mutex): i32 {
  might_sleep();
  check_order(mutex);
  if (!take(mutex)) {
    const error = wait_for(mutex, TASK_INTERRUPTIBLE);
    if (error) return error;
  }
  note_taken(mutex);
  return 0;
}

/** Takes `mutex` if it is free; whether it did. */
export function mutex_trylock(mutex: Mutex): bool {
  if (!take(mutex)) return false;
  note_taken(mutex);
  return true;
}

/** Gives `mutex` back. Panics, naming both, when another task holds it. */
export function mutex_unlock(mutex: Mutex): void {
  if (holder_of(mutex) != changetype<usize>(current())) mutex_panic("unlock of a mutex by a task that does not hold it", mutex);
  note_given_back(mutex);
  atomic.store<usize>(changetype<usize>(mutex), 0, offsetof<Mutex>("holder")); // release; pairs with take()
  // Behind the store; pairs with wait_for(), which counts itself in before it tries to take the mutex.
  if (atomic.load<i32>(changetype<usize>(mutex), offsetof<Mutex>("sleepers"))) wake_up(mutex);
}

@notrace function take(mutex: Mutex): bool {
  // Acquire; pairs with the store in mutex_unlock().
  return atomic.cmpxchg<usize>(changetype<usize>(mutex), 0, changetype<usize>(current()), offsetof<Mutex>("holder")) == 0;
}

/** Sleeps until the mutex is taken: 0; or why an interruptible wait ended before. */
function wait_for(mutex: Mutex, state: i32): i32 {
  if (holder_of(mutex) == changetype<usize>(current())) mutex_panic("recursive mutex", mutex);
  invariant(current().waits_on == 0, "a mutex is waited for in the middle of another wait");
  let error = 0;
  atomic.add<i32>(changetype<usize>(mutex), 1, offsetof<Mutex>("sleepers"));
  for (;;) {
    prepare_to_wait(mutex, state);
    if (take(mutex)) break;
    if (state == TASK_INTERRUPTIBLE) {
      error = interrupted();
      if (error) break;
    }
    schedule();
  }
  finish_wait(mutex);
  atomic.sub<i32>(changetype<usize>(mutex), 1, offsetof<Mutex>("sleepers"));
  // The holder may have woken this task, of all waiters, when it had decided to give up.
  if (error && holder_of(mutex) == 0) wake_up(mutex);
  return error;
}

/** Debug builds: whether the order fits what was seen so far. A recursion has its own words. */
@notrace function check_order(mutex: Mutex): void {
  if (!DEBUG || holder_of(mutex) == changetype<usize>(current())) return;
  for (let outer = changetype<Mutex>(current().mutexes); changetype<usize>(outer); outer = outer.outer) {
    lockdep_order(changetype<usize>(outer), changetype<usize>(mutex));
  }
}

@inline function note_taken(mutex: Mutex): void {
  mutex.outer = changetype<Mutex>(current().mutexes);
  current().mutexes = changetype<usize>(mutex);
}

/** Takes it out of the chain, wherever it stands there. */
@notrace function note_given_back(mutex: Mutex): void {
  const task = current();
  if (task.mutexes == changetype<usize>(mutex)) {
    task.mutexes = changetype<usize>(mutex.outer);
    return;
  }
  let inner = changetype<Mutex>(task.mutexes);
  while (inner.outer != mutex) inner = inner.outer;
  inner.outer = mutex.outer;
}

/** The current task ends. What it still holds stays taken, for what it guards may be half changed; the log and the audit say so. */
export function mutexes_abandon(): void {
  const task = current();
  for (let mutex = changetype<Mutex>(task.mutexes); changetype<usize>(mutex); mutex = mutex.outer) {
    abandoned().name = mutex.name;
    atomic.add<i32>(MUTEXES, 1);
    log_begin();
    log_task(task);
    log_str(" ended and holds mutex ");
    log_str(changetype<string>(mutex.name));
    log_end();
  }
  task.mutexes = 0;
}

/** Writes a line for each mutex that `task` holds; the task list is locked. */
@notrace export function put_mutexes(at: usize, task: Task): usize {
  for (let mutex = changetype<Mutex>(task.mutexes); changetype<usize>(mutex); mutex = mutex.outer) {
    at = put_text(put_text(put_text(at, "mutex held: "), changetype<string>(mutex.name)), " by pid ");
    at = put_text(put_number(at, task.pid), " ");
    at = put_text(put_zero_ended(at, changetype<usize>(task) + offsetof<Task>("name_0"), TASK_NAME_SIZE), "\n");
  }
  return at;
}

/** Writes a line when tasks ended with mutexes held. */
@notrace export function put_abandoned(at: usize): usize {
  const count = atomic.load<i32>(MUTEXES);
  if (!count) return at;
  at = put_text(put_number(put_text(at, "mutexes of tasks that ended: "), count), ", ");
  return put_text(put_text(at, changetype<string>(abandoned().name)), "\n");
}

@notrace function log_task(task: Task): void {
  log_zero_ended(changetype<usize>(task) + offsetof<Task>("name_0"), TASK_NAME_SIZE);
  log_str("[");
  log_num(task.pid);
  log_str("]");
}

@notrace function mutex_panic(what: string, mutex: Mutex): void {
  const holder = changetype<Task>(holder_of(mutex));
  take_log();
  log_begin();
  log_str("Kernel panic - not syncing: ");
  log_str(what);
  log_str(": ");
  log_str(changetype<string>(mutex.name));
  log_str(", by ");
  log_task(current());
  log_str(", held by ");
  if (changetype<usize>(holder)) log_task(holder);
  else log_str("nobody");
  log_end();
  die();
}
