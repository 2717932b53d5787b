/**
 * schedule(), its counterpart wake_up_task(), and the safepoints that lead there.
 *
 * A task that wants to sleep: set_current_state(…), look at the condition, schedule(). A waker: change the condition,
 * wake_up_task(). What keeps a wake-up from getting lost:
 *
 *   the sleeper                                      the waker (holds the task's wake lock)
 *   stores state = sleeping, then loads condition    stores condition, then loads state
 *   schedule(): under the run-queue lock             under the same lock: still on_rq → state = RUNNING, nothing else;
 *     state sleeping → on_rq = 0                       not on_rq → state = RUNNING and queued where it fits
 *
 * A woken task may be queued while its old CPU still saves its stack; ON_CPU keeps it from being picked until then.
 */
import {
  ATTENTION_GAP, COUNTER_GAP_MAX, COUNTER_PREEMPTIONS, COUNTER_SWITCHES, COUNTER_WAKEUPS, COUNTER_WAKE_MAX, EXIT_HOST, EXIT_OFFLINE, EXIT_POKE,
  EXIT_STOP, EXIT_SWITCH, PENDING_EXITS, PENDING_HOST, PENDING_OFFLINE, PENDING_POKE, PENDING_RESCHED, PENDING_STOP, TASK_INTERRUPTIBLE,
  TASK_RUNNING, TASK_STOPPED, TASK_UNINTERRUPTIBLE, TASK_ZOMBIE,
} from "../abi";
import { METER_KIND_WAKE } from "../records";
import { clock_ns } from "../cpu/clock";
import { give_way, step_now } from "../cpu/give_way";
import { clear_need_resched, got_on, in_irq, irq_disable, irq_enable, need_resched, poll, raise_pending, set_need_resched } from "../cpu/irq";
import { meter_record } from "../cpu/meter";
import { count, count_max, cpu_id, record_ns, this_cpu } from "../cpu/percpu";
import { stop_in_place, stops_in_place } from "../cpu/stopped";
import { context_switch, step_here } from "../cpu/switch";
import { carry_out_pokes } from "../cpu/table";
import {
  KLP, KLP_POKE_ACKS, PERCPU_ATTENTION, PERCPU_DEAD, PERCPU_FAULTED, PERCPU_GAP, PERCPU_GAP_STAMP, PERCPU_IN_IRQ, PERCPU_IRQ_OFF, PERCPU_NEXT, PERCPU_PENDING, PERCPU_PREEMPT,
  PERCPU_WAKE_LATENCY, TASK_NAME, TASK_NAME_SIZE, TASK_STATE,
} from "../layout";
import { log_begin, log_end, log_num, log_str, log_zero_ended, panic } from "../lib/printk";
import { set_side } from "../livepatch/side";
import { PHASE_STUBS, klp, phase } from "../livepatch/state";
import { side_of } from "../livepatch/universe";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { enqueue, enqueue_first, may_queue, pick_next, runqueue, select_cpu, task_rq_lock } from "./runqueue";
import { put_task } from "./tasklist";
import { TF_IDLE, TF_KTHREAD, Task, current, has_flag, is_urgent, set_current_state, task_state, wake_lock } from "./task";

/** Ticks that a task may run while others wait. */
const SLICE_TICKS = 4;

/** Panics when the caller may not sleep here; every function that can sleep calls it, whether it will or not. */
@notrace export function might_sleep(): void {
  if (!DEBUG) return;
  if (load<i32>(this_cpu, PERCPU_IRQ_OFF) == 0 && load<i32>(this_cpu, PERCPU_PREEMPT) == 0 && !in_irq()) return;
  log_begin();
  log_str("task ");
  log_num(current().pid);
  log_str(" sleeps in atomic context: interrupts off ");
  log_num(load<i32>(this_cpu, PERCPU_IRQ_OFF));
  log_str(", preemption off ");
  log_num(load<i32>(this_cpu, PERCPU_PREEMPT));
  log_str(", in interrupt ");
  log_num(load<i32>(this_cpu, PERCPU_IN_IRQ));
  log_end();
  panic("scheduling while atomic");
}

/** Gives the CPU to the next task; returns when this one runs again. A task whose state says so sleeps until woken. */
export function schedule(): void {
  might_sleep();
  switch_task(false);
}

/** The same for a task that was caught at a safepoint: whatever its state, it stays runnable. */
export function preempt_schedule(): void {
  count(COUNTER_PREEMPTIONS);
  switch_task(true);
}

@notrace function switch_task(preempted: bool): void {
  irq_disable();
  got_on();
  clear_need_resched();
  const prev = current();
  const rq = runqueue(cpu_id);
  spin_lock(rq);
  if (!preempted && takes_nudge(prev)) set_current_state(TASK_RUNNING);
  const keep = preempted || task_state(prev) == TASK_RUNNING;
  if (!has_flag(prev, TF_IDLE)) {
    if (keep) enqueue(rq, prev);
    else {
      prev.on_rq = 0; // from here on a waker queues it anew
      prev.hog = 0;
    }
  }
  const next = pick_next(rq, prev);
  next.slice = SLICE_TICKS;
  rq.busy = has_flag(next, TF_IDLE) ? 0 : 1;
  rq.hog = next.hog;
  if (!keep && task_state(prev) >= TASK_ZOMBIE) store<u32>(this_cpu, <u32>changetype<usize>(prev), PERCPU_DEAD);
  spin_unlock(rq);
  measure_wake(next, has_flag(prev, TF_IDLE));
  if (next != prev) {
    count(COUNTER_SWITCHES);
    store<u32>(this_cpu, <u32>changetype<usize>(next), PERCPU_NEXT);
    step_here(); // until the stack is saved, nobody may believe that it is
    context_switch(EXIT_SWITCH);
    finish_task_switch();
  }
  irq_enable();
}

/** The sleep that a nudge ends: where a loop waits that passes a border on its way around. */
@inline function nudged_state(task: Task): i32 {
  return has_flag(task, TF_KTHREAD) ? TASK_INTERRUPTIBLE : TASK_STOPPED;
}

/** Pairs with nudge(): a task whose state was not seen to be asleep there sees its nudge here. */
@notrace function takes_nudge(task: Task): bool {
  if (task_state(task) != nudged_state(task)) return false;
  return atomic.xchg<i32>(changetype<usize>(task), 0, offsetof<Task>("nudged")) != 0;
}

/** Has a kernel thread, or a stopped task, go once around its loop, asleep or about to be. */
export function nudge(task: Task): void {
  atomic.store<i32>(changetype<usize>(task), 1, offsetof<Task>("nudged")); // pairs with takes_nudge()
  wake_up_state(task, nudged_state(task));
}

/** First thing on the new task's stack: settles what the old task left to this CPU. */
@notrace export function finish_task_switch(): void {
  const dead = load<u32>(this_cpu, PERCPU_DEAD);
  if (dead) {
    store<u32>(this_cpu, 0, PERCPU_DEAD);
    put_task(changetype<Task>(<usize>dead));
  }
  const faulted = load<u32>(this_cpu, PERCPU_FAULTED);
  if (faulted) {
    store<u32>(this_cpu, 0, PERCPU_FAULTED);
    const task = changetype<Task>(<usize>faulted);
    log_begin();
    log_str("task ");
    log_num(task.pid);
    log_str(" (");
    log_zero_ended(faulted + TASK_NAME, TASK_NAME_SIZE);
    log_str("): saved stack overflow, killed");
    log_end();
    wake_up_task(task); // to die: task_entry() sees TF_KILLED
  }
}

@notrace function measure_wake(task: Task, was_idle: bool): void {
  if (task.woken_at == 0) return;
  const now = clock_ns();
  const latency = now - task.woken_at;
  if (was_idle) meter_record(METER_KIND_WAKE, task.pid, task.woken_at, now);
  task.woken_at = 0;
  record_ns(PERCPU_WAKE_LATENCY, latency);
  count_max(COUNTER_WAKE_MAX, latency);
}

/** Makes `task` runnable; false when it was not asleep. Any context. */
export function wake_up_task(task: Task): bool {
  return wake_up_state(task, TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE);
}

/** The same for a task whose state is one of `states`. */
export function wake_up_state(task: Task, states: i32): bool {
  spin_lock(wake_lock(task));
  // Pairs with set_current_state(): either this sees the sleeper's state, or the sleeper sees the caller's condition.
  if ((task_state(task) & states) == 0) {
    spin_unlock(wake_lock(task));
    return false;
  }
  const rq = task_rq_lock(task);
  const still_on_rq = task.on_rq != 0;
  // Looked at again under the lock: it may have run, and even exited, since. Off the queue its state stands still;
  // still on a CPU it may change its mind at any time, and then its own word stands.
  const state = task_state(task);
  const asleep = (state & states) != 0;
  if (asleep && still_on_rq) atomic.cmpxchg<i32>(changetype<usize>(task), state, TASK_RUNNING, TASK_STATE);
  spin_unlock(rq);
  if (asleep && !still_on_rq) activate(task);
  if (asleep) count(COUNTER_WAKEUPS);
  spin_unlock(wake_lock(task));
  return asleep;
}

/** Queues a task that is on no queue; its wake lock is held, or nobody else knows it yet. */
@notrace export function activate(task: Task): void {
  let cpu = select_cpu(task);
  let rq = runqueue(cpu);
  spin_lock(rq);
  while (!may_queue(task, cpu)) { // the CPU has begun to leave meanwhile
    spin_unlock(rq);
    cpu = select_cpu(task);
    rq = runqueue(cpu);
    spin_lock(rq);
  }
  task.cpu = cpu;
  task.on_rq = 1;
  task.woken_at = clock_ns();
  atomic.store<i32>(changetype<usize>(task), TASK_RUNNING, TASK_STATE);
  const urgent = is_urgent(task);
  if (urgent) enqueue_first(rq, task);
  else enqueue(rq, task);
  const kick = urgent || rq.hog || (rq.queued == 1 && rq.busy == 0);
  spin_unlock(rq);
  if (cpu != cpu_id) {
    if (kick) raise_pending(cpu, PENDING_RESCHED);
  } else if (urgent || rq.hog || has_flag(current(), TF_IDLE)) set_need_resched();
}

/** Lets others run; the caller stays runnable. */
export function yield_cpu(): void {
  set_current_state(TASK_RUNNING);
  schedule();
}

/** A tick of the clock while `current` ran: gives way when its slice is up and somebody waits. */
@notrace export function scheduler_tick(): void {
  const task = current();
  if (has_flag(task, TF_IDLE)) {
    if (runqueue(cpu_id).queued) set_need_resched();
    return;
  }
  task.slice -= 1;
  if (task.slice > 0) return;
  task.hog = 1;
  runqueue(cpu_id).hog = 1;
  if (runqueue(cpu_id).queued) set_need_resched();
}

export function preempt_disable(): void {
  store<i32>(this_cpu, load<i32>(this_cpu, PERCPU_PREEMPT) + 1, PERCPU_PREEMPT);
}
export function preempt_enable(): void {
  store<i32>(this_cpu, load<i32>(this_cpu, PERCPU_PREEMPT) - 1, PERCPU_PREEMPT);
}

/**
 * A place where the current task may be interrupted, switched out, stopped, or leave for the host. Only with
 * preemption and interrupts on and not in interrupt; debug builds assert it. System calls begin and end with one.
 */
@inline export function safepoint(): void {
  if (DEBUG) assert_safepoint();
  if (attention()) safepoint_slow();
}

/** The toolchain puts this into loops of sleepable functions, which may hold a lock: then it is only a poll. */
@notrace export function loop_safepoint(): void {
  if (!attention()) return;
  if (load<i32>(this_cpu, PERCPU_IRQ_OFF) == 0 && load<i32>(this_cpu, PERCPU_PREEMPT) == 0 && !in_irq()) safepoint_slow();
  else poll();
}

/** PENDING and ATTENTION are neighbours: one load for both. */
@inline function attention(): bool {
  return atomic.load<u64>(this_cpu, PERCPU_PENDING) != 0;
}

@notrace function assert_safepoint(): void {
  if (load<i32>(this_cpu, PERCPU_IRQ_OFF) || load<i32>(this_cpu, PERCPU_PREEMPT) || in_irq()) panic("safepoint in atomic context");
}

@notrace function safepoint_slow(): void {
  leave_for_host(); // first: all CPUs may wait for this one, and its interrupts can wait
  poll();
  if (load<i32>(this_cpu, PERCPU_ATTENTION) & ATTENTION_GAP) measure_gap();
  leave_for_host();
  if (need_resched()) preempt_schedule();
}

/** Answers what only the host can do. A CPU that comes back from it looks again. */
@notrace export function leave_for_host(): void {
  while (true) {
    const bits = atomic.load<i32>(this_cpu, PERCPU_PENDING) & PENDING_EXITS;
    if (bits == 0) return;
    if (bits & PENDING_OFFLINE) context_switch(EXIT_OFFLINE);
    else if (bits & PENDING_HOST) context_switch(EXIT_HOST);
    else if (bits & PENDING_STOP) {
      if (stops_in_place()) stop_in_place();
      else context_switch(EXIT_STOP); // stop_enter() takes the bit back
    }
    else if (bits & PENDING_POKE) {
      atomic.and<i32>(this_cpu, ~PENDING_POKE, PERCPU_PENDING);
      if (phase() == PHASE_STUBS) install_stubs();
      else context_switch(EXIT_POKE);
      // Answered only now, with the entries changed and on a task's stack. Pairs with the load in poke_present_cpus().
      const step = step_now();
      if (atomic.sub<i32>(KLP, 1, KLP_POKE_ACKS) == 1) wake_up_task(klp().thread);
      else give_way(step);
    }
  }
}

/** Stubs may come while a stack is live, and nobody looks at stacks for them: the task need not be unwound. */
@notrace function install_stubs(): void {
  set_side(side_of(current())); // it was marked while it ran
  carry_out_pokes();
}

@notrace function measure_gap(): void {
  const gap = clock_ns() - load<f64>(this_cpu, PERCPU_GAP_STAMP);
  store<i32>(this_cpu, load<i32>(this_cpu, PERCPU_ATTENTION) & ~ATTENTION_GAP, PERCPU_ATTENTION);
  record_ns(PERCPU_GAP, gap);
  count_max(COUNTER_GAP_MAX, gap);
}
