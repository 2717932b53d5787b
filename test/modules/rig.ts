/** What the tests of kernel modules share: a machine that is as it was before when they are done. */
import { expect } from "vitest";
import { Machine } from "../../host/index.ts";
import type { MachineOptions } from "../../host/index.ts";

/** Runs `work`; afterwards no module is loaded, and nothing is left behind. */
export async function trial(options: MachineOptions, work: (machine: Machine) => Promise<void>): Promise<void> {
  const machine = await Machine.boot(options);
  try {
    await work(machine);
    expect(await machine.read("/proc/modules"), `seed ${options.seed}`).toBe("");
    expect(await machine.audit(), `seed ${options.seed}`).toEqual([]);
  } finally {
    await machine.shutdown();
  }
}
