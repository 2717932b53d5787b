/**
 * Run queues: who is runnable on which CPU, first come first served.
 *
 * A CPU's current task is on_rq but not in the list. pick_next() passes over a task whose stack another CPU is still
 * saving (on_cpu): it stays queued and the CPU comes back for it. An idle CPU pulls from the longest queue.
 */
import { COUNTER_STEALS, PENDING_RESCHED, TASK_RUNNING } from "../abi";
import { MACHINE, MACHINE_CPUS, PERCPU_IDLE_TASK, PERCPU_ONLINE, PERCPU_RUN_IDLE, RUNQUEUES, RUNQUEUE_SIZE, TASK_ON_CPU } from "../layout";
import { raise_pending } from "../cpu/irq";
import { count, cpu_block, cpu_id, this_cpu } from "../cpu/percpu";
import { is_active, is_online, is_present, next_active, set_active, set_present } from "../cpu/present";
import { ListNode, list_add, list_add_tail, list_init, list_remove } from "../lib/list";
import { invariant } from "../lib/printk";
import { SpinLock, holds, spin_lock, spin_lock_init, spin_unlock } from "../lock/spinlock";
import { TF_KGR, TF_PINNED, Task, clear_flag, has_flag, is_urgent, on_cpu, run_node, task_of_run_node } from "./task";

/** The lock guards the list, `queued`, and `on_rq`, `cpu` and the run node of the tasks that belong here. */
@unmanaged
export class RunQueue extends SpinLock {
  head_next: ListNode;
  head_prev: ListNode;
  /** Tasks in the list. Read without the lock as a hint. */
  queued: i32;
  /** The CPU's current task is not its idle task. A hint. */
  busy: i32;
  /** The CPU's current task has used up a whole slice: it gives way to whoever wakes. A hint. */
  hog: i32;
}
if (<i32>offsetof<RunQueue>() > RUNQUEUE_SIZE) ERROR("RunQueue no longer fits layout.ts");

@inline export function runqueue(cpu: i32): RunQueue {
  return changetype<RunQueue>(<usize>(RUNQUEUES + cpu * RUNQUEUE_SIZE));
}
@inline function head(rq: RunQueue): ListNode {
  return changetype<ListNode>(changetype<usize>(rq) + offsetof<RunQueue>("head_next"));
}
@inline function idle_task(cpu: i32): Task {
  return changetype<Task>(<usize>load<u32>(cpu_block(cpu), PERCPU_IDLE_TASK));
}
@inline function queued_hint(rq: RunQueue): i32 {
  return atomic.load<i32>(changetype<usize>(rq), offsetof<RunQueue>("queued"));
}

export function runqueue_init(cpu: i32): void {
  const rq = runqueue(cpu);
  spin_lock_init(rq, "runqueue");
  list_init(head(rq));
  rq.queued = 0;
  rq.busy = 0;
  rq.hog = 0;
}

/** Locks the run queue that `task` belongs to; it may move until the lock is held. */
export function task_rq_lock(task: Task): RunQueue {
  while (true) {
    const cpu = task.cpu;
    const rq = runqueue(cpu);
    spin_lock(rq);
    if (task.cpu == cpu) return rq;
    spin_unlock(rq);
  }
}

/** Appends `task`; the queue's lock is held. */
@notrace export function enqueue(rq: RunQueue, task: Task): void {
  invariant(holds(rq), "enqueue() without the queue's lock");
  list_add_tail(head(rq), run_node(task));
  rq.queued += 1;
}

/** Puts `task` in front of all others; the queue's lock is held. */
@notrace export function enqueue_first(rq: RunQueue, task: Task): void {
  invariant(holds(rq), "enqueue_first() without the queue's lock");
  list_add(head(rq), run_node(task));
  rq.queued += 1;
}

/**
 * Takes the next task to run on this CPU, or gives its idle task; the queue's lock is held. `prev`, the task that is
 * giving way, may be chosen again although it is on this CPU.
 */
@notrace export function pick_next(rq: RunQueue, prev: Task): Task {
  invariant(holds(rq), "pick_next() without the queue's lock");
  const end = head(rq);
  const idle_wanted = atomic.load<i32>(this_cpu, PERCPU_RUN_IDLE) != 0; // set by run_idle_tasks()
  for (let node = end.next; node != end; node = node.next) {
    const task = task_of_run_node(node);
    if (task != prev && on_cpu(task)) continue; // its stack is still being saved elsewhere
    if (idle_wanted && (task == prev || !has_flag(task, TF_KGR))) break; // before it only those that wait to move too
    list_remove(node);
    rq.queued -= 1;
    // Set under the lock, cleared by cpu_run() once the stack is saved: nobody else picks it meanwhile.
    atomic.store<i32>(changetype<usize>(task), 1, TASK_ON_CPU);
    return task;
  }
  const idle = idle_task(cpu_id);
  atomic.store<i32>(changetype<usize>(idle), 1, TASK_ON_CPU);
  return idle;
}

/** Whether a task with `flag` waits for its turn on this CPU. */
export function queues_flagged(flag: i32): bool {
  const rq = runqueue(cpu_id);
  spin_lock(rq);
  let node = head(rq).next;
  while (node != head(rq) && !has_flag(task_of_run_node(node), flag)) node = node.next;
  spin_unlock(rq);
  return node != head(rq);
}

/** Whether this CPU has anything queued. */
@inline export function has_queued(cpu: i32): bool {
  return queued_hint(runqueue(cpu)) != 0;
}

/**
 * CPU for a woken task: this one if it is urgent, where it ran last if that is idle, else an idle one, else the shorter of
 * its queue and this CPU's. A task that was pinned to a CPU which is gone is free to go anywhere.
 */
@notrace export function select_cpu(task: Task): i32 {
  if (has_flag(task, TF_PINNED)) {
    if (is_present(task.cpu)) return task.cpu;
    clear_flag(task, TF_PINNED);
  }
  const here = is_active(cpu_id) ? cpu_id : next_active(cpu_id);
  if (is_urgent(task)) return here; // the one CPU whose thread surely runs right now
  const last = is_active(task.cpu) ? task.cpu : here;
  if (load_of(last) == 0) return last;
  const cpus = load<i32>(MACHINE, MACHINE_CPUS);
  for (let i = 1; i < cpus; i++) {
    const cpu = (last + i) % cpus;
    if (is_online(cpu) && is_active(cpu) && load_of(cpu) == 0) return cpu;
  }
  return load_of(here) < load_of(last) ? here : last;
}

/** Whether `task` may be queued on `cpu`; its queue is locked, and until then the CPU does not begin to leave. */
@inline export function may_queue(task: Task, cpu: i32): bool {
  return has_flag(task, TF_PINNED) ? is_present(cpu) : is_active(cpu);
}

@inline function load_of(cpu: i32): i32 {
  return queued_hint(runqueue(cpu)) + atomic.load<i32>(changetype<usize>(runqueue(cpu)), offsetof<RunQueue>("busy"));
}

/** Pulls one task from the longest queue to this CPU's; false when there is nothing to pull. */
export function pull_task(): bool {
  if (!is_active(cpu_id)) return false;
  let busiest = -1;
  let most = 0;
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
    if (cpu == cpu_id) continue;
    const queued = queued_hint(runqueue(cpu));
    if (queued > most) {
      most = queued;
      busiest = cpu;
    }
  }
  if (busiest < 0) return false;
  const from = runqueue(busiest);
  spin_lock(from);
  const task = movable(from);
  if (changetype<usize>(task) == 0) {
    spin_unlock(from);
    return false;
  }
  hand_over(from, task, cpu_id);
  count(COUNTER_STEALS);
  return true;
}

/** Moves a queued task from a queue, which is locked and is not any more afterwards, to that of `cpu`. */
@notrace function hand_over(from: RunQueue, task: Task, cpu: i32): void {
  list_remove(run_node(task));
  from.queued -= 1;
  // Between the two locks the task is on no list, but on_rq: a waker has nothing to do for a RUNNING task, and a
  // task_rq_lock() that still sees the old cpu finds a RUNNING task as well.
  task.cpu = cpu;
  spin_unlock(from);
  const to = runqueue(cpu);
  spin_lock(to);
  enqueue(to, task);
  spin_unlock(to);
}

/** This CPU takes no tasks any more: gives those that wait here, and may go, to others. Its idle task calls it. */
export function push_tasks(): void {
  const from = runqueue(cpu_id);
  for (let cpu = cpu_id; ; ) {
    spin_lock(from);
    const task = movable(from);
    if (changetype<usize>(task) == 0) break;
    cpu = next_active(cpu);
    hand_over(from, task, cpu);
    raise_pending(cpu, PENDING_RESCHED);
  }
  spin_unlock(from);
}

/** From now on `cpu` gets only tasks that are pinned to it. */
export function close_to_tasks(cpu: i32): void {
  spin_lock(runqueue(cpu));
  set_active(cpu, 0);
  spin_unlock(runqueue(cpu));
}

/** This CPU's last act: with nothing queued, it is there no more, and nothing will be. */
@notrace export function close_for_good(): bool {
  const rq = runqueue(cpu_id);
  spin_lock(rq);
  const empty = rq.queued == 0;
  if (empty) {
    atomic.store<i32>(this_cpu, 0, PERCPU_ONLINE);
    set_present(cpu_id, 0);
  }
  spin_unlock(rq);
  return empty;
}

@notrace function movable(rq: RunQueue): Task {
  const end = head(rq);
  for (let node = end.next; node != end; node = node.next) {
    const task = task_of_run_node(node);
    if (!has_flag(task, TF_PINNED) && !on_cpu(task) && task.state == TASK_RUNNING) return task;
  }
  return changetype<Task>(0);
}
