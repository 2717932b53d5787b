/**
 * Changing table entries on every CPU: a list in memory that each carries out when its task's stack is saved, or, where
 * nobody looks at stacks (PHASE_STUBS), at a safepoint.
 *
 * Tables belong to their CPUs, so nobody can change another's. The list is the same for all and stands still until
 * the last CPU has answered.
 */
import { PENDING_POKE, TASK_RUNNING, TASK_UNINTERRUPTIBLE } from "../abi";
import { clock_ns } from "../cpu/clock";
import { next_step } from "../cpu/give_way";
import { raise_pending } from "../cpu/irq";
import { is_present, present_cpus } from "../cpu/present";
import { cpus_read_lock, cpus_read_unlock } from "../hotplug/lock";
import { KLP, KLP_ENTRIES, KLP_POKE_ACKS, MACHINE, MACHINE_CPUS, POKES, POKE_BYTES, POKE_COUNT, POKE_FIRST, POKE_MAX, WORD } from "../layout";
import { panic } from "../lib/printk";
import { safepoint, schedule, yield_cpu } from "../sched/core";
import { set_current_state } from "../sched/task";
import { sleep_until_uninterruptible } from "../sched/timer";

const EAGER_ROUNDS = 2;
const PAUSE_NS: f64 = 100000;

/** Begins an empty list; no round is under way. */
@notrace export function pokes_clear(): void {
  store<i32>(POKES, 0, POKE_COUNT);
}

/** The function at table index `index` is to go to `slot`. */
@notrace export function pokes_add(slot: i32, index: i32): void {
  const count = load<i32>(POKES, POKE_COUNT);
  if (count >= POKE_MAX) panic("too many table entries in one patch");
  const at = <usize>(POKES + POKE_FIRST + count * POKE_BYTES);
  store<i32>(at, slot);
  store<i32>(at, index, WORD);
  store<i32>(<usize>(KLP_ENTRIES + slot * WORD), index); // for CPUs that come later
  store<i32>(POKES, count + 1, POKE_COUNT);
}

/** For loops that wait for other tasks: eager at first, then asleep in between. */
export function wait_a_little(round: i32): void {
  if (round >= EAGER_ROUNDS) return sleep_until_uninterruptible(clock_ns() + PAUSE_NS);
  yield_cpu();
  safepoint(); // what it waits for may need this CPU's answer
}

/**
 * Has every CPU carry out the list, and returns when all have. Each CPU passes a safepoint in between, but for
 * PHASE_STUBS with its current task's stack in memory: an empty list is a round of safepoints.
 */
export function poke_all_cpus(): void {
  cpus_read_lock();
  poke_present_cpus();
  cpus_read_unlock();
}

/** The same for who holds cpus_read_lock() already. */
export function poke_present_cpus(): void {
  const cpus = present_cpus();
  atomic.store<i32>(KLP, cpus, KLP_POKE_ACKS);
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) if (is_present(cpu)) raise_pending(cpu, PENDING_POKE);
  next_step();
  for (;;) {
    set_current_state(TASK_UNINTERRUPTIBLE);
    // Pairs with the sub in leave_for_host(), whose last one wakes livepatchd: then every table is as the list says.
    if (atomic.load<i32>(KLP, KLP_POKE_ACKS) == 0) break;
    schedule();
  }
  set_current_state(TASK_RUNNING);
}
