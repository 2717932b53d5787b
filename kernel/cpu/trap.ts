/**
 * After a trap: the Wasm stack is gone, and with it whatever the task was doing.
 *
 * User code and sleepable kernel code cost only their task. A trap with a lock held, with interrupts off, in an
 * interrupt or in the idle task leaves shared state half changed: that is a panic.
 */
import { COUNTER_FAULTS, STATE_PANIC } from "../abi";
import {
  MACHINE, MACHINE_PANIC_CPU, MACHINE_STATE, PERCPU_IN_IRQ, PERCPU_IN_TASK, PERCPU_IRQ_OFF, PERCPU_LOCKS_HELD, PERCPU_PREEMPT, PERCPU_RESUMING, PERCPU_STEPPED,
} from "../layout";
import { log_begin, log_bytes, log_end, printk } from "../lib/printk";
import { TF_IDLE, TF_KILLED, TF_SAVED, Task, clear_flag, current, has_flag, set_flag, stack_base } from "../sched/task";
import { graph_forget } from "../trace/graph";
import { count, cpu_id, this_cpu } from "./percpu";
import { stop_unwind } from "./switch";

/** The host tells the kernel that a trap with `signal`'s meaning left cpu_run(): 0 = run on, 1 = the machine is lost. */
@bare export function cpu_trap(signal: i32): i32 {
  stop_unwind(); // Asyncify may have been unwinding or rewinding
  store<i32>(this_cpu, 0, PERCPU_IN_TASK);
  store<i32>(this_cpu, 0, PERCPU_RESUMING);
  store<i32>(this_cpu, 0, PERCPU_STEPPED);
  if (atomic.load<i32>(MACHINE, MACHINE_STATE) == STATE_PANIC) return 1;
  if (in_atomic_context() || has_flag(current(), TF_IDLE)) {
    printk("Kernel panic - not syncing: fault in atomic context");
    atomic.cmpxchg<i32>(MACHINE, 0, cpu_id + 1, MACHINE_PANIC_CPU);
    atomic.store<i32>(MACHINE, STATE_PANIC, MACHINE_STATE); // pairs with the host's load
    return 1;
  }
  count(COUNTER_FAULTS);
  condemn(current(), signal);
  store<i32>(this_cpu, 1, PERCPU_IRQ_OFF); // task_entry() undoes it, as after a switch
  return 0;
}

@bare function in_atomic_context(): bool {
  return (
    load<i32>(this_cpu, PERCPU_IRQ_OFF) != 0 ||
    load<i32>(this_cpu, PERCPU_PREEMPT) != 0 ||
    load<i32>(this_cpu, PERCPU_IN_IRQ) != 0 ||
    load<i32>(this_cpu, PERCPU_LOCKS_HELD) != 0
  );
}

/** Throws the task's stack away; when it runs next it only exits, with `signal`. */
@bare export function condemn(task: Task, signal: i32): void {
  task.stack_pos = stack_base(task);
  graph_forget(task);
  task.in_user = 0;
  clear_flag(task, TF_SAVED);
  set_flag(task, TF_KILLED);
  atomic.cmpxchg<i32>(changetype<usize>(task), 0, signal, offsetof<Task>("signal"));
}

/** One log line from the host's bytes. */
@bare export function log_text(from: usize, length: i32): void {
  log_begin();
  log_bytes(from, length);
  log_end();
}
