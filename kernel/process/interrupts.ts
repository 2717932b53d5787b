/**
 * What each pending interrupt bit means: the one dispatcher that every CPU registers at boot.
 */
import { ATTENTION_GAP, COUNTER_CALLS, COUNTER_TICKS, PENDING_CALL, PENDING_IRQ, PENDING_TICK } from "../abi";
import { run_calls } from "../cpu/ipi";
import { count, this_cpu } from "../cpu/percpu";
import { watchdog_tick } from "../cpu/watchdog";
import { PERCPU_ATTENTION, PERCPU_GAP_STAMP, PERCPU_TICK_SENT } from "../layout";
import { handle_lines } from "../irq/line";
import { klp_interrupt } from "../livepatch/transition";
import { scheduler_tick } from "../sched/core";
import { run_timers } from "../sched/timer";

/** In interrupt context, with the bits that were pending. */
@notrace export function dispatch_interrupts(bits: i32): void {
  if (bits & PENDING_TICK) tick();
  if (bits & PENDING_CALL) {
    count(COUNTER_CALLS);
    run_calls();
    klp_interrupt();
  }
  if (bits & PENDING_IRQ) handle_lines();
}

/** The clock's tick: timers, the running task's slice, and a stamp for the next safepoint to measure the gap by. */
function tick(): void {
  count(COUNTER_TICKS);
  const sent = load<f64>(this_cpu, PERCPU_TICK_SENT);
  const attention = load<i32>(this_cpu, PERCPU_ATTENTION);
  if (sent && !(attention & ATTENTION_GAP)) {
    store<f64>(this_cpu, sent, PERCPU_GAP_STAMP);
    store<i32>(this_cpu, attention | ATTENTION_GAP, PERCPU_ATTENTION);
  }
  if (sent) watchdog_tick(sent);
  store<f64>(this_cpu, 0, PERCPU_TICK_SENT);
  run_timers();
  scheduler_tick();
}
