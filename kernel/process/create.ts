/**
 * How tasks come to be, and task_entry(), the bottom of every task's stack.
 */
import { COUNTER_SPAWNS } from "../abi";
import { irq_enable } from "../cpu/irq";
import { count, cpu_id } from "../cpu/percpu";
import { finish_task_switch, activate } from "../sched/core";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { TF_KILLED, Task, TaskFunction, current, has_flag, wake_lock } from "../sched/task";
import { add_task, alloc_task, get_task, name_task, put_task, set_entry } from "../sched/tasklist";
import { wait_queue_init } from "../sched/wait";
import { child_queue, do_exit, exit_group, fault_status } from "./exit";

/**
 * A task that will run `entry(argument)`; null when memory or pids are out. It does not run before
 * start_task(). `name` is bytes; what exceeds 15 is cut.
 */
@sleeps export function create_task(name: usize, name_length: i32, entry: TaskFunction, argument: i32, parent: Task, flags: i32): Task {
  const task = alloc_task();
  if (!changetype<usize>(task)) return task;
  set_entry(task, entry, argument);
  task.cpu = cpu_id;
  task.flags = flags;
  wait_queue_init(child_queue(task), "children");
  name_task(task, name, name_length);
  if (!add_task(task, parent)) {
    put_task(task);
    put_task(task);
    return changetype<Task>(0);
  }
  count(COUNTER_SPAWNS);
  return task;
}

/** Makes a created task runnable for the first time. It may be gone when this returns: one that nobody reaps frees itself. */
export function start_task(task: Task): void {
  get_task(task);
  spin_lock(wake_lock(task));
  activate(task);
  spin_unlock(wake_lock(task));
  put_task(task);
}

/**
 * Where every task starts, and where it starts again when a fault threw its stack away: then only to exit. A switch
 * leaves interrupts off once, whoever it leads to; hence the irq_enable().
 */
@notrace @sleeps export function task_entry(): void {
  finish_task_switch();
  irq_enable();
  if (has_flag(current(), TF_KILLED)) exit_group(fault_status());
  do_exit(call_indirect<i32>(current().entry, current().argument) << 8);
}
