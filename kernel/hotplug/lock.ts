/**
 * The lock that keeps CPUs from coming and going: many readers, or one writer. Sleeps.
 *
 * Readers are rounds that must reach every CPU: table entries, stops, work on each CPU. A writer that waits keeps new
 * readers out, so a reader must not take it twice; readers that have waited for one writer go before the next.
 */
import { TASK_UNINTERRUPTIBLE } from "../abi";
import { HOTPLUG, HOTPLUG_SIZE } from "../layout";
import { invariant } from "../lib/printk";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { schedule } from "../sched/core";
import { WaitQueue, finish_wait, prepare_to_wait, wait_queue_init, wake_up_all } from "../sched/wait";

/** The spin lock of the queue guards the counts. */
@unmanaged
class HotplugLock extends WaitQueue {
  readers: i32;
  /** 1 while somebody brings a CPU up or down. */
  writer: i32;
  /** Writers that wait, and readers. */
  wanted: i32;
  waiting: i32;
  /** Readers that are to go before the next writer. */
  turn: i32;
}
if (<i32>offsetof<HotplugLock>() > HOTPLUG_SIZE) ERROR("HotplugLock no longer fits layout.ts");

@inline function lock(): HotplugLock {
  return changetype<HotplugLock>(<usize>HOTPLUG);
}

export function hotplug_lock_init(): void {
  wait_queue_init(lock(), "hotplug");
}

export function cpus_read_lock(): void {
  if (try_read()) return;
  for (;;) {
    prepare_to_wait(lock(), TASK_UNINTERRUPTIBLE);
    if (try_read_in_turn()) break;
    schedule();
  }
  finish_wait(lock());
}

export function cpus_read_unlock(): void {
  spin_lock(lock());
  invariant(lock().readers > 0, "cpus_read_unlock() without cpus_read_lock()");
  lock().readers -= 1;
  spin_unlock(lock());
  wake_up_all(lock());
}

/** No CPU is in a round, and none begins, until cpus_write_unlock(). */
export function cpus_write_lock(): void {
  want();
  for (;;) {
    prepare_to_wait(lock(), TASK_UNINTERRUPTIBLE);
    if (try_write()) break;
    schedule();
  }
  finish_wait(lock());
}

export function cpus_write_unlock(): void {
  spin_lock(lock());
  lock().writer = 0;
  lock().turn = lock().waiting;
  spin_unlock(lock());
  wake_up_all(lock());
}

/** Who has to wait is counted. */
@notrace function try_read(): bool {
  spin_lock(lock());
  const free = !lock().writer && !lock().wanted;
  if (free) lock().readers += 1;
  else lock().waiting += 1;
  spin_unlock(lock());
  return free;
}

@notrace function try_read_in_turn(): bool {
  spin_lock(lock());
  const free = !lock().writer && (lock().turn > 0 || !lock().wanted);
  if (free) {
    lock().readers += 1;
    lock().waiting -= 1;
    if (lock().turn) lock().turn -= 1;
  }
  spin_unlock(lock());
  return free;
}

@notrace function try_write(): bool {
  spin_lock(lock());
  const free = !lock().writer && !lock().readers && !lock().turn;
  if (free) {
    lock().writer = 1;
    lock().wanted -= 1;
  }
  spin_unlock(lock());
  return free;
}

@notrace function want(): void {
  spin_lock(lock());
  lock().wanted += 1;
  spin_unlock(lock());
}
