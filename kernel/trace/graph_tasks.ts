/**
 * Return stacks for all tasks at once, and their end.
 */
import { cpu_block } from "../cpu/percpu";
import { MACHINE, MACHINE_CPUS, PERCPU_IDLE_TASK } from "../layout";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { Task } from "../sched/task";
import { first_task, next_task, tasklist } from "../sched/tasklist";
import { graph_give, graph_release } from "./graph";

/** Gives every task a return stack; TRACER_GRAPH is set, so those that come later bring their own. */
@notrace export function graph_stacks_alloc(): void {
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) graph_give(idle_task(cpu));
  spin_lock(tasklist());
  for (let task = first_task(); changetype<usize>(task); task = next_task(task)) graph_give(task);
  spin_unlock(tasklist());
}

/** Takes them back; no trace stub runs any more. */
@notrace export function graph_stacks_free(): void {
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) graph_release(idle_task(cpu));
  spin_lock(tasklist());
  for (let task = first_task(); changetype<usize>(task); task = next_task(task)) graph_release(task);
  spin_unlock(tasklist());
}

@inline function idle_task(cpu: i32): Task {
  return changetype<Task>(<usize>load<u32>(cpu_block(cpu), PERCPU_IDLE_TASK));
}
