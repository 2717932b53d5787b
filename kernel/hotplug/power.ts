/**
 * Power: the step at which a CPU's thread starts anew, or is rid of it.
 *
 *   off   DYING = 1; its idle task gives waiting tasks away and leaves; cpu_run() says GONE when the last stack is saved
 *   on    PRESENT, then POWER = WANTED: the host makes a new instance with all that is loaded; its idle task says ONLINE
 */
import { CPU_GONE, CPU_WANTED, PENDING_RESCHED } from "../abi";
import { raise_pending } from "../cpu/irq";
import { cpu_block, cpu_id } from "../cpu/percpu";
import { is_online, set_present } from "../cpu/present";
import { PERCPU_DYING, PERCPU_POWER, PERCPU_RUN_IDLE } from "../layout";
import { sleep_a_moment } from "../process/kthread";

/** Returns when the CPU runs its idle task. */
export function power_on(cpu: i32): i32 {
  const block = cpu_block(cpu);
  atomic.store<i32>(block, 0, PERCPU_DYING);
  set_present(cpu, 1); // tasks that are pinned to it may be queued from here on
  atomic.store<i32>(block, CPU_WANTED, PERCPU_POWER); // pairs with the host's wait, which comes behind CPU_GONE
  atomic.notify(block + PERCPU_POWER, 1);
  while (!is_online(cpu)) sleep_a_moment();
  return 0;
}

/** Returns when nothing of the CPU runs any more. */
export function power_off(cpu: i32): i32 {
  const block = cpu_block(cpu);
  while (cpu_id == cpu) sleep_a_moment(); // it places nobody any more: the caller wakes up elsewhere
  atomic.store<i32>(block, 1, PERCPU_DYING);
  while (atomic.load<i32>(block, PERCPU_POWER) != CPU_GONE) { // pairs with the store in cpu_run()
    atomic.store<i32>(block, 1, PERCPU_RUN_IDLE); // however many wait there, its idle task runs and sends them away
    raise_pending(cpu, PENDING_RESCHED);
    sleep_a_moment();
  }
  return 0;
}
