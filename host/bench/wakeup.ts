/**
 * How long an idle CPU takes to run what another one wakes.
 *
 * Idea: on two CPUs one process sends another a byte and stays busy, so that each byte finds the other CPU asleep in
 * the host's wait. Contract: the kernel's own latencies, from the wake-up to the first instruction of the woken task.
 * Invariant: nothing else runs on the machine; the few wake-ups of its boot are in the count.
 */
import { MachineError } from "../errors.ts";
import type { Percentiles } from "../histogram.ts";
import { Machine } from "../machine.ts";

export async function measureWakeUps(rounds: number): Promise<Percentiles> {
  const machine = await Machine.boot({ cpus: 2 });
  try {
    const status = await machine.wait(await machine.spawn("bounce", rounds));
    if (status !== 0)
      throw new MachineError("CALL_FAILED", `bounce ended with ${status}`, "Run npm test: the kernel is at fault.");
    return machine.counters().wakeLatency;
  } finally {
    await machine.shutdown();
  }
}
