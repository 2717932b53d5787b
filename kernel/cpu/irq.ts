/**
 * Interrupts: when they may run, and what runs.
 *
 * Nothing interrupts Wasm from outside, so a CPU looks: poll() runs what is pending on top of the current stack and
 * never unwinds. It does nothing while interrupts are off or one is already running. Turning interrupts on again
 * does not look by itself; the next poll does.
 *
 *   pending bit     raised by                     handler (registered at boot)
 *   RESCHED         a CPU that queued a task      sets ATTENTION_RESCHED
 *   TICK            clock thread, idle time-out   timers, time slice
 *   CALL            send_call()                   function-call queue
 *   IRQ             devices, the host's mailbox   the lines' handlers (irq/line.ts)
 *
 * Nesting, as on Linux: a handler is never interrupted; what it leaves to softirqs runs behind it with interrupts on,
 * so an interrupt may come on top of a softirq, never a softirq on a softirq. At most three deep: task, softirq,
 * interrupt. Each is a trip of its own, in the universe of its CPU's interrupts.
 *
 * Handlers are atomic: they may take locks and wake tasks, never sleep. irq_disable() counts, so it masks as
 * local_irq_save() does.
 */
import { ATTENTION_RESCHED, COUNTER_INTERRUPTS, COUNTER_IPIS, COUNTER_RESCHEDS, PENDING_INTERRUPTS, PENDING_PANIC, PENDING_RESCHED } from "../abi";
import {
  PERCPU_ATTENTION, PERCPU_IN_IRQ, PERCPU_IRQ_OFF, PERCPU_KLP_IRQ, PERCPU_PENDING, PERCPU_RELAXED, PERCPU_SLEEPING, PERCPU_SOFTIRQS, PERCPU_TRIP,
  PERCPU_TRIPS,
} from "../layout";
import { invariant } from "../lib/printk";
import { SIDE_MARKED, SIDE_MOVED, set_side, side } from "../livepatch/side";
import { count, cpu_block, cpu_id, this_cpu } from "./percpu";
import { step_relax } from "./switch";

/** Called in interrupt context with the bits that were pending. */
export type InterruptHandler = (bits: i32) => void;

/** Runs what handlers left to softirqs. */
export type SoftirqRunner = () => void;

/** Bits of PERCPU_IN_IRQ. */
export const IN_HARDIRQ = 1;
export const IN_SOFTIRQ = 2;

/** Table indices of the one dispatcher and the one runner; registered by every CPU for itself, so per-CPU globals. */
@percpu let dispatcher: i32 = 0;
@percpu let softirq_runner: i32 = 0;

/** Names the function that handles pending interrupt bits on this CPU. */
@notrace @atomic export function set_interrupt_dispatcher(handler: InterruptHandler): void {
  dispatcher = handler.index;
}

/** Names the function that runs softirqs on this CPU. */
@notrace @atomic export function set_softirq_runner(runner: SoftirqRunner): void {
  softirq_runner = runner.index;
}

@inline export function irq_disable(): void {
  store<i32>(this_cpu, load<i32>(this_cpu, PERCPU_IRQ_OFF) + 1, PERCPU_IRQ_OFF);
}

/** Undoes one irq_disable(). */
@inline export function irq_enable(): void {
  invariant(load<i32>(this_cpu, PERCPU_IRQ_OFF) > 0, "irq_enable() without irq_disable()");
  store<i32>(this_cpu, load<i32>(this_cpu, PERCPU_IRQ_OFF) - 1, PERCPU_IRQ_OFF);
}

/** In an interrupt or a softirq. */
@inline export function in_irq(): bool {
  return load<i32>(this_cpu, PERCPU_IN_IRQ) != 0;
}
@inline export function in_hardirq(): bool {
  return (load<i32>(this_cpu, PERCPU_IN_IRQ) & IN_HARDIRQ) != 0;
}

/** What now runs on top of the task is another trip. */
@inline export function begin_irq_trip(): void {
  const trip = load<i32>(this_cpu, PERCPU_TRIPS) + 1;
  store<i32>(this_cpu, trip, PERCPU_TRIPS);
  store<i32>(this_cpu, trip, PERCPU_TRIP);
}

/** The running task should give way at its next safepoint. */
@inline export function set_need_resched(): void {
  store<i32>(this_cpu, load<i32>(this_cpu, PERCPU_ATTENTION) | ATTENTION_RESCHED, PERCPU_ATTENTION);
}

@inline export function clear_need_resched(): void {
  store<i32>(this_cpu, load<i32>(this_cpu, PERCPU_ATTENTION) & ~ATTENTION_RESCHED, PERCPU_ATTENTION);
}

@inline export function need_resched(): bool {
  return (load<i32>(this_cpu, PERCPU_ATTENTION) & ATTENTION_RESCHED) != 0;
}

/** Runs pending interrupts if they are allowed here. One load and a branch when there are none. */
@inline export function poll(): void {
  // Pairs with the or in raise_pending() and in the host: what was written before the bit is seen behind this load.
  if (atomic.load<i32>(this_cpu, PERCPU_PENDING)) poll_slow();
}

@notrace @atomic function poll_slow(): void {
  if (atomic.load<i32>(this_cpu, PERCPU_PENDING) & PENDING_PANIC) unreachable(); // another CPU panicked; nothing here matters any more
  const outer = load<i32>(this_cpu, PERCPU_IN_IRQ);
  if (load<i32>(this_cpu, PERCPU_IRQ_OFF) || outer & IN_HARDIRQ) return;
  const outer_side = side();
  const outer_trip = load<i32>(this_cpu, PERCPU_TRIP);
  store<i32>(this_cpu, outer | IN_HARDIRQ, PERCPU_IN_IRQ);
  set_side(irq_side());
  for (;;) {
    const bits = atomic.load<i32>(this_cpu, PERCPU_PENDING) & PENDING_INTERRUPTS;
    if (bits == 0) break;
    // Cleared before the work is done: a bit raised meanwhile is seen by the next round.
    atomic.and<i32>(this_cpu, ~bits, PERCPU_PENDING);
    if (bits & PENDING_RESCHED) {
      count(COUNTER_RESCHEDS);
      set_need_resched();
    }
    count(COUNTER_INTERRUPTS);
    begin_irq_trip();
    call_indirect<void>(dispatcher, bits);
  }
  store<i32>(this_cpu, outer, PERCPU_IN_IRQ);
  set_side(outer_side);
  store<i32>(this_cpu, outer_trip, PERCPU_TRIP);
  if (!outer && load<i32>(this_cpu, PERCPU_SOFTIRQS)) do_softirqs();
}

/** The universe of this CPU's interrupts and softirqs; changed in process context only, so one that runs keeps it. */
@inline function irq_side(): i32 {
  return load<i32>(this_cpu, PERCPU_KLP_IRQ) ? SIDE_MOVED : SIDE_MARKED;
}

/** Runs softirqs on top of the current task, on which nothing runs yet. */
@notrace @atomic export function do_softirqs(): void {
  const task_side = side();
  store<i32>(this_cpu, IN_SOFTIRQ, PERCPU_IN_IRQ);
  set_side(irq_side());
  call_indirect<void>(softirq_runner);
  set_side(task_side);
  store<i32>(this_cpu, 0, PERCPU_IN_IRQ);
}

/** Sets `bit` on `cpu` and wakes it if its thread sleeps. The kernel's inter-processor interrupt. */
@notrace export function raise_pending(cpu: i32, bit: i32): void {
  const block = cpu_block(cpu);
  // The or comes before the load of SLEEPING; the sleeper stores SLEEPING before it compares PENDING. One of the two sees the other.
  const before = atomic.or<i32>(block, bit, PERCPU_PENDING);
  if (cpu != cpu_id) count(COUNTER_IPIS);
  if ((before & bit) == 0 && atomic.load<i32>(block, PERCPU_SLEEPING)) atomic.notify(block + PERCPU_PENDING, 1);
}

/** For loops that wait for another CPU: takes pending interrupts, lets the platform run somebody else. */
@notrace export function cpu_relax(): void {
  store<i32>(this_cpu, load<i32>(this_cpu, PERCPU_RELAXED) + 1, PERCPU_RELAXED);
  poll();
  step_relax();
}

/** This CPU got somewhere: what it waited for has come. */
@inline export function got_on(): void {
  store<i32>(this_cpu, 0, PERCPU_RELAXED);
}
