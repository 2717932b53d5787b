/**
 * RCU: readers that nobody keeps waiting, and writers that wait until no reader can have the old version any more.
 *
 *   the reader                               the writer
 *   rcu_read_lock()                          makes a new version, then rcu_assign_pointer()
 *   rcu_dereference(), as often as it likes  synchronize_rcu(), or call_rcu() when it may not sleep
 *   rcu_read_unlock()                        frees the old version
 *
 * A reader only turns preemption off, so it may not sleep; in an interrupt it may read too. A grace period
 * (process/rcu_gp.ts) is over when each CPU was seen outside any reader: then those that were inside when it began have
 * left.
 *
 *   rcu_gp, on whatever CPU     each CPU
 *   rcu_ask(): a call    ───►   in interrupt context: not in a reader → has answered; else rcu_read_unlock() of the
 *   sleeps                      outermost one has the CPU call itself, for it may hold locks, and that call answers
 */
import { TASK_RUNNING, TASK_UNINTERRUPTIBLE } from "../abi";
import { Call, send_call, wait_for_call } from "../cpu/ipi";
import { cpu_id, this_cpu } from "../cpu/percpu";
import { PERCPU_RCU_DEPTH, PERCPU_RCU_WANTED, RCU, RCU_CALLS } from "../layout";
import { invariant } from "../lib/printk";
import { might_sleep, preempt_disable, preempt_enable, schedule, wake_up_task } from "../sched/core";
import { Task, current, set_current_state } from "../sched/task";
import { get_task, put_task } from "../sched/tasklist";
import { WaitQueue, wait_queue_init, wake_up } from "../sched/wait";

/** Called with the head in process context, after a grace period; it may not sleep, and may free what the head lies in. */
export type RcuFunction = (head: usize) => void;

/** Lies in whatever waits for a grace period. */
@unmanaged
export class RcuHead {
  next: usize;
  fn: i32; // table index of its RcuFunction
}

/** Only rcu_gp sleeps on the queue; its lock guards nothing else. */
@unmanaged
export class Rcu extends WaitQueue {
  /** Heads that wait for the next grace period, newest first. Atomic. */
  first: usize;
  /** CPUs that have not answered yet. Atomic. */
  asked: i32;
}
if (<i32>offsetof<Rcu>() > RCU_CALLS) ERROR("Rcu no longer fits layout.ts");
const CALL_SIZE = 16;
if (<i32>offsetof<Call>() > CALL_SIZE) ERROR("RCU's calls no longer fit layout.ts");

@inline export function rcu(): Rcu {
  return changetype<Rcu>(<usize>RCU);
}

export function rcu_init(): void {
  wait_queue_init(rcu(), "rcu");
}

@inline export function rcu_read_lock(): void {
  preempt_disable();
  store<i32>(this_cpu, load<i32>(this_cpu, PERCPU_RCU_DEPTH) + 1, PERCPU_RCU_DEPTH);
}

@inline export function rcu_read_unlock(): void {
  const depth = load<i32>(this_cpu, PERCPU_RCU_DEPTH) - 1;
  invariant(depth >= 0, "rcu_read_unlock() without rcu_read_lock()");
  store<i32>(this_cpu, depth, PERCPU_RCU_DEPTH);
  if (!depth && load<i32>(this_cpu, PERCPU_RCU_WANTED)) wanted();
  preempt_enable();
}

/** The version that the word at `word` leads to: whole, and there until rcu_read_unlock(). Pairs with rcu_assign_pointer(). */
@inline export function rcu_dereference(word: usize): usize {
  invariant(load<i32>(this_cpu, PERCPU_RCU_DEPTH) > 0, "rcu_dereference() outside a reader");
  return atomic.load<usize>(word);
}

/** From now on readers find `version`, which is complete. */
@inline export function rcu_assign_pointer(word: usize, version: usize): void {
  atomic.store<usize>(word, version);
}

/** Has rcu_gp call `fn(head)` when all who read now have ended. Any context. */
@atomic export function call_rcu(head: RcuHead, fn: RcuFunction): void {
  head.fn = fn.index;
  for (;;) {
    const first = atomic.load<usize>(RCU, offsetof<Rcu>("first"));
    head.next = first;
    // Pairs with the exchange in rcu_gp: what the caller unpublished before is unpublished for who asks the CPUs.
    if (atomic.cmpxchg<usize>(RCU, first, changetype<usize>(head), offsetof<Rcu>("first")) == first) break;
  }
  wake_up(rcu());
}

/** Returns when all who read now have ended. Sleeps; not in a reader, for it would wait for itself. */
export function synchronize_rcu(): void {
  might_sleep();
  const task = current();
  atomic.store<i32>(changetype<usize>(task), 0, offsetof<Task>("rcu_done"));
  get_task(task); // its stack may be thrown away meanwhile, and then the task
  call_rcu(head_of(task), waiter_passes);
  for (;;) {
    set_current_state(TASK_UNINTERRUPTIBLE);
    if (atomic.load<i32>(changetype<usize>(task), offsetof<Task>("rcu_done"))) break;
    schedule();
  }
  set_current_state(TASK_RUNNING);
}

@inline function head_of(task: Task): RcuHead {
  return changetype<RcuHead>(changetype<usize>(task) + offsetof<Task>("rcu_next"));
}

function waiter_passes(head: usize): void {
  const task = changetype<Task>(head - offsetof<Task>("rcu_next"));
  atomic.store<i32>(changetype<usize>(task), 1, offsetof<Task>("rcu_done")); // pairs with the load behind its state
  wake_up_task(task);
  put_task(task);
}

@inline function call_of(cpu: i32): Call {
  return changetype<Call>(<usize>(RCU + RCU_CALLS + cpu * CALL_SIZE));
}

/** Asks `cpu` to answer as soon as it is outside any reader. */
@notrace export function rcu_ask(cpu: i32): void {
  if (call_of(cpu).fn) wait_for_call(call_of(cpu)); // it answered, but may not have let go of the node
  send_call(cpu, call_of(cpu), answer, cpu);
}

/** In interrupt context on `cpu`, or, when that is away, on another. */
@notrace function answer(cpu: i32): void {
  if (cpu == cpu_id && load<i32>(this_cpu, PERCPU_RCU_DEPTH)) store<i32>(this_cpu, 1, PERCPU_RCU_WANTED);
  else rcu_answered(cpu);
}

@notrace function wanted(): void {
  store<i32>(this_cpu, 0, PERCPU_RCU_WANTED);
  send_call(cpu_id, call_of(cpu_id), rcu_answered, cpu_id);
}

/** `cpu` was outside any reader. Also of one that rcu_gp need not ask. */
@notrace export function rcu_answered(cpu: i32): void {
  if (atomic.sub<i32>(RCU, 1, offsetof<Rcu>("asked")) == 1) wake_up(rcu());
}
