/**
 * Timers: a binary heap per CPU, fired in the tick interrupt.
 *
 * A timer is armed on the CPU that asks and fires there. An idle CPU sleeps until its first expiry; a busy one looks
 * at each tick, so a timer is at most one tick late there. A timer knows its place in the heap, so that it can leave.
 * When a CPU goes, who takes it down takes its timers over.
 */
import { COUNTER_TIMERS, TASK_INTERRUPTIBLE, TASK_RUNNING, TASK_UNINTERRUPTIBLE } from "../abi";
import { clock_ns } from "../cpu/clock";
import { cpu_relax, got_on } from "../cpu/irq";
import { count, cpu_id } from "../cpu/percpu";
import { PAGE_SIZE, TIMER_BASES, TIMER_BASE_SIZE } from "../layout";
import { invariant, panic } from "../lib/printk";
import { SpinLock, spin_lock, spin_lock_init, spin_unlock } from "../lock/spinlock";
import { alloc_pages } from "../mm/page";
import { schedule, wake_up_task } from "./core";
import { MAX_PIDS } from "./tasklist";
import { Task, current, set_current_state } from "./task";
import { interrupted } from "./wait";

/** Called in interrupt context when the time has come. */
export type TimerFunction = (argument: i32) => void;

@unmanaged
export class Timer {
  /** When it fires, ns since boot. */
  expires: f64;
  fn: i32; // table index of its TimerFunction
  argument: i32;
  /** Place in its heap, from 1; 0 when not armed. Guarded by the base's lock. */
  place: i32;
  /** Whose base it belongs to, or MOVING; atomic, written under that base's lock. */
  cpu: i32;
}

const MOVING = -1;

/** The lock guards the heap and `place`, `cpu` and `expires` of the timers in it. */
@unmanaged
class TimerBase extends SpinLock {
  heap: usize; // addresses of timers; entry 0 is unused
  armed: i32;
  /** The timer whose function runs right now, or 0. Atomic; written by this CPU. */
  running: usize;
}
if (<i32>offsetof<TimerBase>() > TIMER_BASE_SIZE) ERROR("TimerBase no longer fits layout.ts");

const HEAP_ORDER = 4; // room for one timer per pid
if (PAGE_SIZE << HEAP_ORDER < MAX_PIDS * 4) ERROR("timer heap is smaller than the number of tasks");

@inline function base_of(cpu: i32): TimerBase {
  return changetype<TimerBase>(<usize>(TIMER_BASES + cpu * TIMER_BASE_SIZE));
}
@inline function at(base: TimerBase, place: i32): Timer {
  return changetype<Timer>(<usize>load<u32>(base.heap + (<usize>place << 2)));
}
@inline function put(base: TimerBase, place: i32, timer: Timer): void {
  store<u32>(base.heap + (<usize>place << 2), <u32>changetype<usize>(timer));
  timer.place = place;
}

export function timers_init(cpu: i32): void {
  const base = base_of(cpu);
  spin_lock_init(base, "timers");
  base.heap = alloc_pages(HEAP_ORDER);
  if (!base.heap) panic("no memory for timers");
  base.armed = 0;
  base.running = 0;
}

@notrace @atomic export function timer_init(timer: Timer, fn: TimerFunction, argument: i32): void {
  timer.fn = fn.index;
  timer.argument = argument;
  timer.place = 0;
}

/** Arms `timer` on this CPU for `expires`, ns since boot. It must not be armed. Any context. */
export function timer_start(timer: Timer, expires: f64): void {
  const base = base_of(cpu_id);
  spin_lock(base);
  invariant(timer.place == 0, "timer_start() of an armed timer");
  invariant(base.armed + 1 < MAX_PIDS, "timer heap is full");
  timer.expires = expires;
  base.armed += 1;
  sift_up(base, base.armed, timer);
  atomic.store<i32>(changetype<usize>(timer), cpu_id, offsetof<Timer>("cpu"));
  spin_unlock(base);
}

/**
 * Disarms `timer`; false when it had fired already. Then its function is over too, on whatever CPU, and what it was
 * given may be freed. Not in interrupt, and no lock held.
 */
export function timer_cancel(timer: Timer): bool {
  const base = lock_base(timer);
  const armed = timer.place != 0;
  if (armed) remove(base, timer);
  spin_unlock(base);
  // Pairs with the stores in run_timers(): set before the lock is given up there, cleared behind the call.
  while (atomic.load<u32>(changetype<usize>(base), offsetof<TimerBase>("running")) == <u32>changetype<usize>(timer)) cpu_relax();
  got_on();
  return armed;
}

/** Locks the base that `timer` belongs to; it may move until the lock is held. */
@notrace function lock_base(timer: Timer): TimerBase {
  while (true) {
    const cpu = base_number(timer);
    if (cpu == MOVING) cpu_relax(); // pairs with take_over_timers()
    else {
      const base = base_of(cpu);
      spin_lock(base);
      if (base_number(timer) == cpu) return base;
      spin_unlock(base);
    }
  }
}

@inline function base_number(timer: Timer): i32 {
  return atomic.load<i32>(changetype<usize>(timer), offsetof<Timer>("cpu"));
}

/** Arms here what was armed on a CPU that is away. */
export function take_over_timers(cpu: i32): void {
  const from = base_of(cpu);
  for (;;) {
    spin_lock(from);
    if (!from.armed) break;
    const timer = at(from, 1);
    remove(from, timer);
    atomic.store<i32>(changetype<usize>(timer), MOVING, offsetof<Timer>("cpu")); // until then nobody may think that it has fired
    spin_unlock(from);
    timer_start(timer, timer.expires);
  }
  spin_unlock(from);
}

@notrace function remove(base: TimerBase, timer: Timer): void {
  const hole = timer.place;
  const last = at(base, base.armed);
  base.armed -= 1;
  timer.place = 0;
  if (last == timer) return;
  if (hole > 1 && last.expires < at(base, hole >> 1).expires) sift_up(base, hole, last);
  else sift_down(base, hole, last);
}

@notrace function sift_up(base: TimerBase, place: i32, timer: Timer): void {
  for (; place > 1 && timer.expires < at(base, place >> 1).expires; place >>= 1) put(base, place, at(base, place >> 1));
  put(base, place, timer);
}

@notrace function sift_down(base: TimerBase, place: i32, timer: Timer): void {
  for (;;) {
    let child = place << 1;
    if (child > base.armed) break;
    if (child < base.armed && at(base, child + 1).expires < at(base, child).expires) child++;
    if (timer.expires <= at(base, child).expires) break;
    put(base, place, at(base, child));
    place = child;
  }
  put(base, place, timer);
}

/** Fires what is due on this CPU; in the tick interrupt. */
@notrace @atomic export function run_timers(): void {
  const base = base_of(cpu_id);
  if (base.armed == 0) return;
  const now = clock_ns();
  for (;;) {
    spin_lock(base);
    if (base.armed == 0 || at(base, 1).expires > now) break;
    const timer = at(base, 1);
    remove(base, timer);
    const fn = timer.fn;
    const argument = timer.argument;
    base.running = changetype<usize>(timer);
    spin_unlock(base); // the function may arm it again
    count(COUNTER_TIMERS);
    call_indirect<void>(fn, argument);
    atomic.store<u32>(changetype<usize>(base), 0, offsetof<TimerBase>("running")); // release; pairs with timer_cancel()
  }
  spin_unlock(base);
}

/** First expiry on this CPU in ns since boot, or 0 for none. */
@notrace export function next_expiry(): f64 {
  const base = base_of(cpu_id);
  spin_lock(base);
  const expires = base.armed ? at(base, 1).expires : 0;
  spin_unlock(base);
  return expires;
}

function wake_sleeper(task: i32): void {
  wake_up_task(changetype<Task>(<usize>task));
}

@inline function sleep_timer(task: Task): Timer {
  return changetype<Timer>(changetype<usize>(task) + offsetof<Task>("sleep_expires"));
}

/** Disarms the sleep timer of the current task, whose stack was thrown away. */
export function abandon_sleep(): void {
  timer_cancel(sleep_timer(current()));
}

/** Sleeps until `deadline`, ns since boot; -EINTR when a signal came first. */
export function sleep_until(deadline: f64): i32 {
  sleep_as(TASK_INTERRUPTIBLE, deadline);
  return interrupted();
}

/** The same whatever signals come: for loops that wait for another part of the kernel, which may need this CPU. */
export function sleep_until_uninterruptible(deadline: f64): void {
  sleep_as(TASK_UNINTERRUPTIBLE, deadline);
}

@inline function sleep_as(state: i32, deadline: f64): void {
  const task = current();
  const timer = sleep_timer(task);
  timer_init(timer, wake_sleeper, <i32>changetype<usize>(task));
  timer_start(timer, deadline);
  for (;;) {
    set_current_state(state);
    if (clock_ns() >= deadline || (state == TASK_INTERRUPTIBLE && interrupted())) break;
    schedule();
  }
  set_current_state(TASK_RUNNING);
  timer_cancel(timer);
}
