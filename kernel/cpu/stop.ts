/**
 * stop_machine: all CPUs stop, the last one to arrive does the work, each leaves by itself.
 *
 *   requester    ACKS = LEFT = all CPUs that there are, the action; PENDING_STOP on every CPU; then it stops like the others
 *   each CPU     its part is in stopped.ts
 */
import { PENDING_STOP } from "../abi";
import { MACHINE, MACHINE_CPUS, MACHINE_STOP_ACKS, MACHINE_STOP_ASKED, MACHINE_STOP_LEFT } from "../layout";
import { cpus_read_lock, cpus_read_unlock } from "../hotplug/lock";
import { klp } from "../livepatch/state";
import { safepoint, yield_cpu } from "../sched/core";
import { clock_ns } from "./clock";
import { raise_pending } from "./irq";
import { is_present, present_cpus } from "./present";

/** Runs with the machine stopped: it may not sleep, allocate or take a lock. Its result is stop_machine()'s. */
export type StopAction = () => i32;

/**
 * Stops the machine, has the last CPU run `action`, gives its result when the decision has been made. Every stack is in
 * memory then if `stacks` says so. One caller at a time. Sleeps.
 */
@atomic export function stop_machine(action: StopAction, stacks: bool): i32 {
  cpus_read_lock();
  const cpus = present_cpus();
  end_of_last_stop();
  klp().action = action.index;
  klp().stacks = stacks;
  store<f64>(MACHINE, clock_ns(), MACHINE_STOP_ASKED);
  atomic.store<i32>(MACHINE, cpus, MACHINE_STOP_LEFT);
  atomic.store<i32>(MACHINE, cpus, MACHINE_STOP_ACKS); // pairs with the sub in stop_enter()
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) if (is_present(cpu)) raise_pending(cpu, PENDING_STOP);
  safepoint();
  cpus_read_unlock();
  return klp().outcome;
}

/** Waits for CPUs that still change their entries for the last stop: until then its list of pokes must stand. Sleeps. */
export function end_of_last_stop(): void {
  while (atomic.load<i32>(MACHINE, MACHINE_STOP_LEFT) != 0) yield_cpu(); // pairs with the sub in stop_leave()
}
