/**
 * The watchdog: names a CPU that does nothing for anybody else, and what holds it.
 *
 *   soft lock-up   interrupts are taken, but for 2 * watchdog_thresh seconds no safepoint is passed and no task
 *                  switched to: the CPU itself notices, in a tick, on top of what holds it, and shows the stack
 *   hard lock-up   ticks are not even taken for watchdog_thresh seconds: the CPU before it notices, in its own tick; the
 *                  clock wakes that one when it sleeps (host/cpu/clock.ts). Nobody can ask for the stack
 *
 * Contract: told again as often as the time passes once more, a hard lock-up once. Invariant: costs a tick, nothing else.
 * A machine with one CPU has nobody who would notice that it takes no ticks.
 */
import { ATTENTION_GAP, COUNTER_SWITCHES, PENDING_TICK, TAINT_SOFTLOCKUP } from "../abi";
import {
  EMERGENCY, EMERGENCY_SIZE, MACHINE, MACHINE_CPUS, PERCPU_ATTENTION, PERCPU_COUNTERS, PERCPU_CURRENT, PERCPU_DEAF_TOLD, PERCPU_GAP_STAMP, PERCPU_LAST_LOCK,
  PERCPU_LOCKS_HELD, PERCPU_PENDING, PERCPU_SPINNING_ON, PERCPU_STUCK_SINCE, PERCPU_STUCK_SWITCHES, PERCPU_STUCK_TOLD, PERCPU_TICK_SENT, SYSCTLS,
  SYSCTL_SOFTLOCKUP_PANIC, SYSCTL_WATCHDOG_SECOND, SYSCTL_WATCHDOG_THRESH, TASK_NAME, TASK_NAME_SIZE, TASK_PID,
} from "../layout";
import { log_begin, log_bytes, log_end, log_num, log_str, log_zero_ended, panic, printk, log_report_begin, log_report_end } from "../lib/printk";
import { taint } from "../lib/taint";
import { TF_IDLE, current, has_flag } from "../sched/task";
import { log_held, log_who } from "./oops";
import { cpu_block, cpu_id, this_cpu } from "./percpu";
import { is_online } from "./present";

/** Writes the engine's backtrace of this CPU at `at`, lines of at most `room` bytes together; gives their length. */
@external("env", "backtrace") declare function backtrace(at: usize, room: i32): i32;

@inline function second(): f64 {
  return load<f64>(SYSCTLS, SYSCTL_WATCHDOG_SECOND);
}

/** In the interrupt of the tick that was sent at `sent`, ns. */
@notrace export function watchdog_tick(sent: f64): void {
  const limit = load<i32>(SYSCTLS, SYSCTL_WATCHDOG_THRESH) * second();
  if (limit == 0) return;
  look_at_this_cpu(sent, 2 * limit);
  look_at_next_cpu(sent, limit);
}

@notrace function look_at_this_cpu(now: f64, limit: f64): void {
  const switches = load<f64>(this_cpu + PERCPU_COUNTERS + (COUNTER_SWITCHES << 3));
  // A tick's stamp that no safepoint has measured yet is of an earlier tick.
  const waits = (load<i32>(this_cpu, PERCPU_ATTENTION) & ATTENTION_GAP) != 0 && load<f64>(this_cpu, PERCPU_GAP_STAMP) < now;
  if (!waits || switches != load<f64>(this_cpu, PERCPU_STUCK_SWITCHES) || has_flag(current(), TF_IDLE)) {
    store<f64>(this_cpu, now, PERCPU_STUCK_SINCE);
    store<f64>(this_cpu, switches, PERCPU_STUCK_SWITCHES);
    store<i32>(this_cpu, 0, PERCPU_STUCK_TOLD);
    return;
  }
  const stuck = now - load<f64>(this_cpu, PERCPU_STUCK_SINCE);
  const told = load<i32>(this_cpu, PERCPU_STUCK_TOLD);
  if (stuck < limit * (told + 1)) return;
  store<i32>(this_cpu, told + 1, PERCPU_STUCK_TOLD);
  // The emergency buffer is for stacks that are being unwound: not this one now. Written before others have to wait.
  const text = <usize>(EMERGENCY + cpu_id * EMERGENCY_SIZE);
  const end = text + backtrace(text, EMERGENCY_SIZE);
  log_report_begin();
  log_lockup("soft lockup", "stuck", cpu_id, stuck);
  log_who();
  printk("Call Trace:");
  log_lines(text, end);
  log_report_end();
  taint(TAINT_SOFTLOCKUP);
  if (load<i32>(SYSCTLS, SYSCTL_SOFTLOCKUP_PANIC)) panic("soft lockup");
}

@notrace function log_lines(text: usize, end: usize): void {
  for (let line = text; line < end; ) {
    let length = 0;
    while (line + length < end && load<u8>(line + length) != 10) length++;
    log_begin();
    log_bytes(line, length);
    log_end();
    line += length + 1;
  }
}

@notrace function look_at_next_cpu(now: f64, limit: f64): void {
  const cpus = load<i32>(MACHINE, MACHINE_CPUS);
  let cpu = (cpu_id + 1) % cpus;
  while (cpu != cpu_id && !is_online(cpu)) cpu = (cpu + 1) % cpus;
  if (cpu == cpu_id) return;
  const block = cpu_block(cpu);
  // Loaded in this order: a stamp belongs to a tick that is still pending, or it is 0. Pairs with tick() and with the clock.
  const sent = load<f64>(block, PERCPU_TICK_SENT);
  if (!(atomic.load<i32>(block, PERCPU_PENDING) & PENDING_TICK) || !sent || now - sent < limit) return;
  if (load<f64>(block, PERCPU_DEAF_TOLD) == sent) return;
  log_report_begin();
  // Who had the log until now may have been that CPU, and have taken its tick since.
  if (load<f64>(block, PERCPU_TICK_SENT) == sent && load<i32>(block, PERCPU_PENDING) & PENDING_TICK) tell_deaf(cpu, sent, now - sent);
  log_report_end();
}

@notrace function tell_deaf(cpu: i32, sent: f64, ns: f64): void {
  const block = cpu_block(cpu);
  log_lockup("hard lockup", "deaf to interrupts", cpu, ns);
  const waits_for = load<u32>(block, PERCPU_SPINNING_ON);
  if (waits_for) log_held("waits for spin lock: ", waits_for);
  if (load<i32>(block, PERCPU_LOCKS_HELD)) log_held("spin lock held: ", load<u32>(block, PERCPU_LAST_LOCK));
  store<f64>(block, sent, PERCPU_DEAF_TOLD); // log_report_end() publishes it
}

/** `watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [cat:7]`. */
@notrace function log_lockup(what: string, how: string, cpu: i32, ns: f64): void {
  const task = <usize>load<u32>(cpu_block(cpu), PERCPU_CURRENT);
  log_begin();
  log_str("watchdog: BUG: ");
  log_str(what);
  log_str(" - CPU#");
  log_num(cpu);
  log_str(" ");
  log_str(how);
  log_str(" for ");
  log_num(<i64>(ns / second()));
  log_str("s! [");
  log_zero_ended(task + TASK_NAME, TASK_NAME_SIZE);
  log_str(":");
  log_num(load<i32>(task, TASK_PID));
  log_str("]");
  log_end();
}
