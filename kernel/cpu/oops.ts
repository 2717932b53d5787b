/**
 * Oops: a fault in kernel code, as the log tells it, and whether the machine can go on.
 *
 *   the kernel   Oops: what the engine says [#how many so far]
 *                CPU, PID, name, taint
 *                Call Trace:
 *   the host       the engine's backtrace, which only it has
 *   the kernel   locks that the task held, the end, and a panic when what they guard, or who was killed, cannot be spared
 *
 * One CPU tells at a time. A task that is killed here keeps what it had allocated, as on Linux.
 */
import { TAINT_DIE } from "../abi";
import {
  PERCPU_IN_IRQ, PERCPU_LAST_LOCK, PERCPU_LOCKS_HELD, SPINLOCK_NAME, SYSCTLS, SYSCTL_OOPSES, SYSCTL_PANIC_ON_OOPS, TASK_NAME, TASK_NAME_SIZE,
} from "../layout";
import { log_begin, log_bytes, log_end, log_num, log_str, log_zero_ended, lose_machine, printk, take_log } from "../lib/printk";
import { log_taint, taint } from "../lib/taint";
import { TF_IDLE, TF_VITAL, current, has_flag } from "../sched/task";
import { cpu_id, this_cpu } from "./percpu";

const INIT_PID = 1;

/** Begins to tell; until trap_end() nobody else logs anything. */
@bare export function oops_begin(text: usize, length: i32): void {
  take_log();
  log_begin();
  log_str("Oops: ");
  log_bytes(text, length);
  log_str(" [#");
  log_num(atomic.add<i32>(SYSCTLS, 1, SYSCTL_OOPSES) + 1);
  log_str("]");
  log_end();
  log_who();
  printk("Call Trace:");
}

/** `CPU: 1 PID: 7 Comm: cat Not tainted`. */
@notrace export function log_who(): void {
  log_begin();
  log_str("CPU: ");
  log_num(cpu_id);
  log_str(" PID: ");
  log_num(current().pid);
  log_str(" Comm: ");
  log_zero_ended(changetype<usize>(current()) + TASK_NAME, TASK_NAME_SIZE);
  log_str(" ");
  log_taint();
  log_end();
}

/** Tells the rest; whether the machine is lost, and then it is. */
@bare export function oops_fatal(atomic_context: bool): bool {
  if (load<i32>(this_cpu, PERCPU_LOCKS_HELD)) log_held("spin lock held: ", <usize>load<u32>(this_cpu, PERCPU_LAST_LOCK));
  if (current().mutexes) log_held("mutex held: ", current().mutexes);
  printk("---[ end trace ]---");
  taint(TAINT_DIE);
  const reason = why_fatal(atomic_context);
  if (reason) {
    log_begin();
    log_str("Kernel panic - not syncing: ");
    log_str(reason);
    log_end();
    lose_machine();
  }
  return reason != null;
}

@bare function why_fatal(atomic_context: bool): string | null {
  const task = current();
  if (load<i32>(this_cpu, PERCPU_IN_IRQ)) return "Fatal exception in interrupt";
  if (load<i32>(this_cpu, PERCPU_LOCKS_HELD) || task.mutexes) return "Fatal exception with a lock held: what it guards may be half changed";
  if (has_flag(task, TF_IDLE)) return "Attempted to kill the idle task!";
  if (atomic_context) return "Fatal exception in atomic context";
  if (task.pid == INIT_PID) return "Attempted to kill init!";
  if (has_flag(task, TF_VITAL)) return "Fatal exception in a thread that the machine cannot do without";
  return load<i32>(SYSCTLS, SYSCTL_PANIC_ON_OOPS) ? "Fatal exception" : null;
}

/** Both kinds of lock begin with a spin lock's record. */
@notrace export function log_held(what: string, lock: usize): void {
  log_begin();
  log_str(what);
  log_str(changetype<string>(load<u32>(lock, SPINLOCK_NAME)));
  log_end();
}
