/**
 * Tasklets: functions that run once per scheduling as a softirq, each on one CPU at a time.
 *
 *   idle ──tasklet_schedule()──► SCHEDULED, on the list of that CPU ──its softirq──► RUNNING ──► idle
 *
 * Scheduled again before it ran, it runs once; scheduled while it runs, once more behind that.
 */
import { TASKLET_SOFTIRQ } from "../abi";
import { irq_disable, irq_enable } from "../cpu/irq";
import { cpu_id } from "../cpu/percpu";
import { open_softirq, raise_softirq, softirq_cpu } from "./softirq";

/** Runs as a softirq. */
export type TaskletFunction = (argument: i32) => void;

@unmanaged
export class Tasklet {
  next: usize;
  fn: i32; // table index of its TaskletFunction
  argument: i32;
  /** SCHEDULED and RUNNING; atomic. */
  state: i32;
}

const SCHEDULED = 1;
const RUNNING = 2;

export function tasklets_init(): void {
  open_softirq(TASKLET_SOFTIRQ, run_tasklets);
}

@atomic export function tasklet_init(tasklet: Tasklet, fn: TaskletFunction, argument: i32): void {
  tasklet.fn = fn.index;
  tasklet.argument = argument;
  tasklet.state = 0;
}

/** Has `tasklet` run on this CPU; false when it is about to anyway. Any context. */
export function tasklet_schedule(tasklet: Tasklet): bool {
  // Pairs with the and in run_tasklets(): it is on one list at most.
  if (atomic.or<i32>(changetype<usize>(tasklet), SCHEDULED, offsetof<Tasklet>("state")) & SCHEDULED) return false;
  queue_here(tasklet);
  return true;
}

/** On this CPU's list; with interrupts off, for handlers queue too. */
@notrace function queue_here(tasklet: Tasklet): void {
  irq_disable();
  const cpu = softirq_cpu(cpu_id);
  tasklet.next = cpu.tasklets;
  cpu.tasklets = changetype<usize>(tasklet);
  irq_enable();
  raise_softirq(TASKLET_SOFTIRQ);
}

/** The softirq: what runs on another CPU right now is tried again later. */
@atomic function run_tasklets(): void {
  irq_disable();
  let next = softirq_cpu(cpu_id).tasklets;
  softirq_cpu(cpu_id).tasklets = 0;
  irq_enable();
  while (next) {
    const tasklet = changetype<Tasklet>(next);
    next = tasklet.next;
    if (atomic.or<i32>(changetype<usize>(tasklet), RUNNING, offsetof<Tasklet>("state")) & RUNNING) {
      queue_here(tasklet);
      continue;
    }
    const fn = tasklet.fn;
    const argument = tasklet.argument;
    // From here on it may be scheduled again, here or elsewhere.
    atomic.and<i32>(changetype<usize>(tasklet), ~SCHEDULED, offsetof<Tasklet>("state"));
    call_indirect<void>(fn, argument);
    atomic.and<i32>(changetype<usize>(tasklet), ~RUNNING, offsetof<Tasklet>("state"));
  }
}
