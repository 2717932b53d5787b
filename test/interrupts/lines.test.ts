/** Lines as the host raises them. */
import { afterEach, describe, expect, it } from "vitest";
import { IRQ_PULSE } from "../../kernel/abi.ts";
import { Machine } from "../../host/index.ts";
import type { MachineOptions } from "../../host/index.ts";

let machine: Machine | undefined;
afterEach(async () => {
  await machine?.shutdown();
  machine = undefined;
});

async function boot(options: MachineOptions): Promise<Machine> {
  return (machine = await Machine.boot(options));
}

describe.each(["threads", "stepped"] as const)("on %s", (platform) => {
  it.each([1, 2, 4])("the host raises a line on one of %i CPUs, and its handler runs there", async (cpus) => {
    const running = await boot({ platform, cpus });
    const pulses = (): number[] => running.counters().cpus.map(({ counters }) => counters.deviceInterrupts);
    for (let cpu = 0; cpu < cpus; cpu++) {
      running.interrupt(IRQ_PULSE, cpu);
      while (pulses()[cpu] === 0) await running.run(0.001);
    }
    expect(pulses()).toEqual(Array.from({ length: cpus }, () => 1));
    expect(await running.audit()).toEqual([]);
  });
});

it("a line or a CPU that does not exist is refused by name", async () => {
  const running = await boot({ platform: "stepped", cpus: 2 });
  expect(() => running.interrupt(32)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
  expect(() => running.interrupt(-1)).toThrow(/no line -1/);
  expect(() => running.interrupt(IRQ_PULSE, 2)).toThrow(/CPU 2/);
});
