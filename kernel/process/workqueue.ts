/**
 * Work queues: one kernel thread per CPU, kworker/N, that runs functions in process context.
 */
import { COUNTER_WORKS, ENOMEM, TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE } from "../abi";
import { give_way, next_step, step_now } from "../cpu/give_way";
import { count, cpu_id } from "../cpu/percpu";
import { is_present, next_active, present_cpus } from "../cpu/present";
import { cpus_read_lock, cpus_read_unlock } from "../hotplug/lock";
import { MACHINE, MACHINE_CPUS, WORKQUEUES, WORKQUEUE_SIZE } from "../layout";
import { ListNode, list_add_tail, list_empty, list_init, list_remove } from "../lib/list";
import { panic } from "../lib/printk";
import { SpinLock, spin_lock, spin_lock_init, spin_unlock } from "../lock/spinlock";
import { kfree, kzalloc } from "../mm/slab";
import { might_sleep, schedule } from "../sched/core";
import { TF_URGENT, TF_VITAL, Task, set_flag } from "../sched/task";
import { WaitQueue, finish_wait, prepare_to_wait, wait_queue_init, wake_locked, wake_up } from "../sched/wait";
import { kthread_park, kthread_parkme, kthread_run, kthread_should_park, kthread_should_stop, kthread_unpark } from "./kthread";

/** Runs in process context on the work's CPU; may sleep. */
export type WorkFunction = (work: usize) => void;

@unmanaged
export class Work {
  next: ListNode;
  prev: ListNode;
  fn: i32; // table index of its WorkFunction
  argument: i32;
  /** 1 from being queued until it starts to run; atomic. */
  pending: i32;
}
export const WORK_SIZE = <i32>offsetof<Work>();

/** The lock guards the list and `closed`. The wait queue is where the kworker sleeps. */
@unmanaged
class WorkQueue extends SpinLock {
  head_next: ListNode;
  head_prev: ListNode;
  idle_owner: i32;
  idle_name: usize;
  idle_waiters: i32;
  idle_contended: i32;
  idle_next: ListNode;
  idle_prev: ListNode;
  /** Its CPU is leaving or gone: what would come here goes elsewhere. */
  closed: i32;
  /** Its kworker. */
  thread: Task;
}
if (<i32>offsetof<WorkQueue>() > WORKQUEUE_SIZE) ERROR("WorkQueue no longer fits layout.ts");

@inline function queue_of(cpu: i32): WorkQueue {
  return changetype<WorkQueue>(<usize>(WORKQUEUES + cpu * WORKQUEUE_SIZE));
}
@inline function head(queue: WorkQueue): ListNode {
  return changetype<ListNode>(changetype<usize>(queue) + offsetof<WorkQueue>("head_next"));
}
@inline function idle_queue(queue: WorkQueue): WaitQueue {
  return changetype<WaitQueue>(changetype<usize>(queue) + offsetof<WorkQueue>("idle_owner"));
}
@inline function node_of(work: Work): ListNode {
  return changetype<ListNode>(work);
}

export function workqueue_init(cpu: i32): void {
  const queue = queue_of(cpu);
  queue.closed = 0;
  spin_lock_init(queue, "workqueue");
  list_init(head(queue));
  wait_queue_init(idle_queue(queue), "kworker");
}

/** Starts the kworker of every CPU. */
export function workqueues_start(): void {
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
    const thread = kthread_run(kworker, cpu, "kworker", cpu);
    if (!changetype<usize>(thread)) panic("no memory for kworkers");
    set_flag(thread, TF_URGENT | TF_VITAL);
    queue_of(cpu).thread = thread;
  }
}

/** The CPU is about to leave: its kworker parks, and what is queued goes to another. */
export function workqueue_close(cpu: i32): void {
  const queue = queue_of(cpu);
  spin_lock(queue);
  queue.closed = 1;
  spin_unlock(queue);
  kthread_park(queue.thread);
  for (let work = take_work(queue); changetype<usize>(work); work = take_work(queue)) queue_work_on(next_active(cpu), work);
}

/** The CPU is back. */
export function workqueue_open(cpu: i32): void {
  const queue = queue_of(cpu);
  kthread_unpark(queue.thread, cpu);
  spin_lock(queue);
  queue.closed = 0;
  spin_unlock(queue);
}

@sleeps export function work_init(work: Work, fn: WorkFunction, argument: i32): void {
  list_init(node_of(work));
  work.fn = fn.index;
  work.argument = argument;
  work.pending = 0;
}

/** Queues `work` on `cpu`, or on another while that is away; false when it is queued already. Any context. */
export function queue_work_on(cpu: i32, work: Work): bool {
  // Pairs with the store in kworker(): a work item is on one list at most.
  if (atomic.cmpxchg<i32>(changetype<usize>(work), 0, 1, offsetof<Work>("pending")) != 0) return false;
  while (!try_queue(queue_of(cpu), work)) cpu = next_active(cpu);
  return true;
}

@notrace function try_queue(queue: WorkQueue, work: Work): bool {
  spin_lock(queue);
  const open = !queue.closed;
  if (open) list_add_tail(head(queue), node_of(work));
  spin_unlock(queue);
  if (open) wake_up(idle_queue(queue));
  return open;
}

@sleeps function kworker(cpu: i32): i32 {
  const queue = queue_of(cpu);
  while (!kthread_should_stop()) {
    if (kthread_should_park()) kthread_parkme();
    const work = next_work(queue);
    if (changetype<usize>(work) == 0) continue;
    if (cpu_id != cpu) panic("a kworker left its CPU");
    count(COUNTER_WORKS);
    call_indirect<void>(work.fn, changetype<usize>(work));
  }
  return 0;
}

/** Takes the first work item, or sleeps until there may be one and gives null. */
function next_work(queue: WorkQueue): Work {
  let work = take_work(queue);
  if (changetype<usize>(work)) return work;
  prepare_to_wait(idle_queue(queue), TASK_INTERRUPTIBLE);
  work = take_work(queue);
  if (changetype<usize>(work) == 0 && !kthread_should_park() && !kthread_should_stop()) schedule();
  finish_wait(idle_queue(queue));
  return work;
}

function take_work(queue: WorkQueue): Work {
  spin_lock(queue);
  const none = list_empty(head(queue));
  const work = changetype<Work>(head(queue).next);
  if (!none) {
    list_remove(node_of(work));
    atomic.store<i32>(changetype<usize>(work), 0, offsetof<Work>("pending")); // it may be queued again while it runs
  }
  spin_unlock(queue);
  return none ? changetype<Work>(0) : work;
}

/** One call on every CPU: a wait queue, what is left to do, then a Work and its function for each CPU. */
@unmanaged
class EachCpu extends WaitQueue {
  remaining: i32;
  fn: i32;
}

/** Runs `fn(cpu)` in process context on every CPU that there is and returns when all have finished; 0 or -ENOMEM. Sleeps. */
@sleeps export function schedule_on_each_cpu(fn: EachCpuFunction): i32 {
  might_sleep();
  const cpus = load<i32>(MACHINE, MACHINE_CPUS);
  const all = changetype<EachCpu>(kzalloc(<i32>offsetof<EachCpu>() + cpus * WORK_SIZE));
  if (!changetype<usize>(all)) return -ENOMEM;
  cpus_read_lock();
  wait_queue_init(all, "schedule_on_each_cpu");
  atomic.store<i32>(changetype<usize>(all), present_cpus(), offsetof<EachCpu>("remaining"));
  all.fn = fn.index;
  for (let cpu = 0; cpu < cpus; cpu++) {
    if (!is_present(cpu)) continue;
    const work = changetype<Work>(changetype<usize>(all) + offsetof<EachCpu>() + <usize>(cpu * WORK_SIZE));
    work_init(work, run_on_this_cpu, <i32>changetype<usize>(all));
    queue_work_on(cpu, work);
  }
  next_step();
  for (;;) {
    prepare_to_wait(all, TASK_UNINTERRUPTIBLE);
    if (atomic.load<i32>(changetype<usize>(all), offsetof<EachCpu>("remaining")) == 0) break;
    schedule();
  }
  finish_wait(all);
  cpus_read_unlock();
  kfree(changetype<usize>(all));
  return 0;
}

/** Called once per CPU with its number. */
export type EachCpuFunction = (cpu: i32) => void;

@sleeps function run_on_this_cpu(work: usize): void {
  const all = changetype<EachCpu>(<usize>changetype<Work>(work).argument);
  call_indirect<void>(all.fn, cpu_id);
  const step = step_now();
  // Counted and woken under the queue's lock: the waiter frees the record only after it had that lock itself.
  spin_lock(all);
  const last = atomic.sub<i32>(changetype<usize>(all), 1, offsetof<EachCpu>("remaining")) == 1;
  if (last) wake_locked(all, 1);
  spin_unlock(all);
  if (!last) give_way(step);
}
