/**
 * Which CPUs there are right now.
 *
 *   word      1 from … to …                                                        who asks
 *   PRESENT   boot, or being powered on, until its idle task leaves for good       rounds over all CPUs; who queues a pinned task
 *   ONLINE    its idle task runs, until it leaves                                  the host; whoever wants an answer soon
 *   ACTIVE    boot, or the end of its start, until its end begins                  who places a task
 *
 * PRESENT changes only under cpus_write_lock() (hotplug/lock.ts), so whoever holds the read lock sees the same CPUs
 * from beginning to end. It and ACTIVE are cleared under the CPU's run-queue lock: what is queued behind that stays away.
 */
import { MACHINE, MACHINE_CPUS, PERCPU_ACTIVE, PERCPU_ONLINE, PERCPU_PRESENT } from "../layout";
import { cpu_block } from "./percpu";

@inline export function is_present(cpu: i32): bool {
  return atomic.load<i32>(cpu_block(cpu), PERCPU_PRESENT) != 0;
}
@inline export function is_online(cpu: i32): bool {
  return atomic.load<i32>(cpu_block(cpu), PERCPU_ONLINE) != 0;
}
@inline export function is_active(cpu: i32): bool {
  return atomic.load<i32>(cpu_block(cpu), PERCPU_ACTIVE) != 0;
}
@inline export function set_present(cpu: i32, on: i32): void {
  atomic.store<i32>(cpu_block(cpu), on, PERCPU_PRESENT);
}
@inline export function set_active(cpu: i32, on: i32): void {
  atomic.store<i32>(cpu_block(cpu), on, PERCPU_ACTIVE);
}

/** CPUs that a round has to reach. */
@notrace export function present_cpus(): i32 {
  let count = 0;
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) if (is_present(cpu)) count++;
  return count;
}

/** The next CPU behind `cpu` that takes tasks; CPU 0 always does. */
@notrace export function next_active(cpu: i32): i32 {
  const cpus = load<i32>(MACHINE, MACHINE_CPUS);
  for (let i = 1; i < cpus; i++) {
    const other = (cpu + i) % cpus;
    if (is_active(other) && is_online(other)) return other;
  }
  return 0;
}
