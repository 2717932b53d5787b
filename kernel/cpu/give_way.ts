/**
 * Lending the core. Where CPUs share cores, a step that needs something of each lasts until the operating system has
 * given each its turn; CPUs whose part is done make those turns short.
 *
 *   livepatchd          first_step(); next_step() when CPUs have been told what to do; last_step() when all is done
 *   each CPU            const step = step_now(); its part of the step; give_way(step), unless it was the last
 *
 * The next step calls the lent cores back: were it the last CPU, those it wakes would take its core before it can tell
 * who waits. Nothing depends on lending: it ends by itself, and a CPU that lends runs on as if it had been preempted.
 */
import { MACHINE, MACHINE_CORES, MACHINE_CPUS, MACHINE_STEP } from "../layout";

/** A turn of the operating system's, about. */
const LONGEST_NS: i64 = 3000000;

/** From here on CPUs lend their cores. Called by livepatchd alone, as the next two. */
@notrace export function first_step(): void {
  change_step(1);
}

/** CPUs have something new to do; outside steps it does nothing. */
@notrace export function next_step(): void {
  if (step_now()) change_step(step_now() + 1);
}

/** From here on no CPU lends its core. */
@notrace export function last_step(): void {
  change_step(0);
}

@notrace function change_step(step: i32): void {
  atomic.store<i32>(MACHINE, step, MACHINE_STEP); // pairs with the wait in give_way()
  atomic.notify(MACHINE + MACHINE_STEP, i32.MAX_VALUE);
}

/** To be read before this CPU does its part. */
@inline export function step_now(): i32 {
  return atomic.load<i32>(MACHINE, MACHINE_STEP);
}

/** Leaves the core to CPUs that have their part to do; nothing where each CPU has its own, or outside steps. */
@notrace export function give_way(step: i32): void {
  if (step == 0 || !cores_are_shared()) return;
  atomic.wait<i32>(MACHINE + MACHINE_STEP, step, LONGEST_NS);
}

/** Whether there are more CPUs than cores; never on the stepped platform. */
@inline export function cores_are_shared(): bool {
  const cores = load<i32>(MACHINE, MACHINE_CORES);
  return cores != 0 && cores < load<i32>(MACHINE, MACHINE_CPUS);
}
