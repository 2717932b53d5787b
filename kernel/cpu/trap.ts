/**
 * After a trap: the Wasm stack is gone, and with it whatever the task was doing.
 *
 *   what trapped      what it costs
 *   user code         its process; so does an engine's stack that a process has filled
 *   kernel code       an oops (cpu/oops.ts): the task, or the machine
 */
import { COUNTER_FAULTS, SIGSEGV, STATE_PANIC, TRAP_FAULT, TRAP_IN_KERNEL, TRAP_OOPS, TRAP_PANIC, TRAP_STACK } from "../abi";
import {
  MACHINE, MACHINE_PANIC_CPU, MACHINE_STATE, PERCPU_IN_IRQ, PERCPU_IN_TASK, PERCPU_IRQ_OFF, PERCPU_LOCKS_HELD, PERCPU_PREEMPT, PERCPU_RESUMING, PERCPU_STEPPED, TASK_NAME,
  TASK_NAME_SIZE,
} from "../layout";
import { log_begin, log_bytes, log_end, log_num, log_str, log_zero_ended, release_log, take_log } from "../lib/printk";
import { TF_KILLED, TF_SAVED, Task, clear_flag, current, set_flag, stack_base } from "../sched/task";
import { graph_forget } from "../trace/graph";
import { oops_begin, oops_fatal } from "./oops";
import { count, cpu_id, this_cpu } from "./percpu";
import { stop_unwind } from "./switch";

/** The host tells the kernel that a trap left cpu_run(): TRAP_* bits, and what the engine calls it. Gives what it was. */
@bare export function cpu_trap(about: i32, text: usize, length: i32): i32 {
  stop_unwind(); // Asyncify may have been unwinding or rewinding
  store<i32>(this_cpu, 0, PERCPU_IN_TASK);
  store<i32>(this_cpu, 0, PERCPU_RESUMING);
  store<i32>(this_cpu, 0, PERCPU_STEPPED);
  if (atomic.load<i32>(MACHINE, MACHINE_STATE) == STATE_PANIC) {
    // This CPU goes on to tell, or another one that panicked has cut off what it told.
    if (load<i32>(MACHINE, MACHINE_PANIC_CPU) == cpu_id + 1) take_log();
    else release_log();
    return TRAP_PANIC;
  }
  if (!is_users(current(), about)) {
    oops_begin(text, length);
    return TRAP_OOPS;
  }
  take_log();
  log_begin();
  log_zero_ended(changetype<usize>(current()) + TASK_NAME, TASK_NAME_SIZE);
  log_str("[");
  log_num(current().pid);
  log_str("] fault: ");
  log_bytes(text, length);
  log_end();
  return TRAP_FAULT;
}

/** The trace of what cpu_trap() gave is in the log: 0 = the CPU goes on, without the task; 1 = the machine is lost. */
@bare export function trap_end(trap: i32): i32 {
  const lost = trap == TRAP_PANIC || (trap == TRAP_OOPS && oops_fatal(in_atomic_context()));
  release_log();
  if (lost) return 1;
  kill_current();
  return 0;
}

@bare function is_users(task: Task, about: i32): bool {
  if (!task.window || in_atomic_context()) return false;
  return (about & TRAP_STACK) != 0 || (task.in_user != 0 && !(about & TRAP_IN_KERNEL));
}

@bare function in_atomic_context(): bool {
  return (
    load<i32>(this_cpu, PERCPU_IRQ_OFF) != 0 ||
    load<i32>(this_cpu, PERCPU_PREEMPT) != 0 ||
    load<i32>(this_cpu, PERCPU_IN_IRQ) != 0 ||
    load<i32>(this_cpu, PERCPU_LOCKS_HELD) != 0
  );
}

@bare function kill_current(): void {
  count(COUNTER_FAULTS);
  condemn(current(), SIGSEGV);
  store<i32>(this_cpu, 1, PERCPU_IRQ_OFF); // task_entry() undoes it, as after a switch
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
