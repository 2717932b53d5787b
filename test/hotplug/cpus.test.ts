/** CPUs that come and go: what is promised of them, and what is refused. */
import { afterEach, describe, expect, it } from "vitest";
import { IRQ_PULSE } from "../../kernel/abi.ts";
import { Machine } from "../../host/index.ts";
import type { MachineOptions } from "../../host/index.ts";
import { endLoad, FULL } from "../livepatch/rig.ts";
import { programsImage } from "../programs-image.ts";

const SIGKILL = 9;
const UNPLUGGERS = 6;
const UNPLUG_SEEDS = process.env["WLP_FULL"] ? 200 : 5;
const TIMEOUT = 900_000;

let machine: Machine | undefined;
afterEach(async () => {
  await machine?.shutdown();
  machine = undefined;
});

async function boot(options: MachineOptions): Promise<Machine> {
  return (machine = await Machine.boot({ memoryMiB: 16, ...options }));
}

const online = (running: Machine): number[] =>
  running
    .cpuState()
    .filter((state) => state.online)
    .map(({ cpu }) => cpu);

describe.each(["threads", "stepped"] as const)("on %s,", (platform) => {
  it("a CPU goes and comes back, over and over, and nothing is left behind", async () => {
    const running = await boot({ platform, cpus: 4, debug: true });
    for (let round = 0; round < 5; round++) {
      for (const cpu of [1, 3, 2]) await running.setOnline(cpu, false);
      expect(online(running)).toEqual([0]);
      for (const cpu of [3, 1, 2]) await running.setOnline(cpu, true);
      expect(online(running)).toEqual([0, 1, 2, 3]);
    }
    expect(await running.audit()).toEqual([]);
  });

  it("tasks, timers, work and interrupts of a CPU that goes continue on others", async () => {
    const running = await boot({ platform, cpus: 3, debug: true });
    const pids: number[] = [];
    for (const [program, argument] of FULL) pids.push(await running.spawn(program, argument));
    running.setDeviceHz(2000);
    await running.run(0.01);
    await running.setOnline(1, false);
    await running.setOnline(2, false);
    const before = running.counters();
    await running.run(0.05);
    const after = running.counters();
    for (const cpu of [1, 2]) expect(after.cpus[cpu]?.counters.switches).toBe(before.cpus[cpu]?.counters.switches);
    for (const count of ["timers", "works", "deviceInterrupts", "pipeBytes", "spawns"] as const)
      expect(after.total[count], count).toBeGreaterThan(before.total[count]);
    await running.setOnline(2, true);
    await running.run(0.05);
    expect(running.counters().cpus[2]?.counters.switches).toBeGreaterThan(before.cpus[2]?.counters.switches ?? 0);
    await endLoad(running, pids);
  });

  it("a line of a CPU that is away is served by CPU 0", async () => {
    const running = await boot({ platform, cpus: 2 });
    await running.setOnline(1, false);
    running.interrupt(IRQ_PULSE, 1);
    while (running.counters().total.deviceInterrupts === 0) await running.run(0.001);
    expect(running.counters().cpus.map(({ counters }) => counters.deviceInterrupts)).toEqual([1, 0]);
  });

  it("CPU 0 does not go: EPERM; nor does the last one: EBUSY; and there are no others: EINVAL", async () => {
    const running = await boot({ platform, cpus: 2 });
    await expect(running.setOnline(0, false)).rejects.toThrow(/EPERM/);
    await running.setOnline(1, false);
    await expect(running.setOnline(0, false)).rejects.toThrow(/EBUSY/);
    await expect(running.setOnline(2, true)).rejects.toThrow(/EINVAL/);
    await expect(running.setOnline(2, false)).rejects.toThrow(/EINVAL/);
    await running.setOnline(0, true);
    await running.setOnline(1, false);
    expect(online(running)).toEqual([0]);
  });

  it(
    "whoever takes CPUs down may be killed in the middle, also on the CPU that goes",
    { timeout: TIMEOUT },
    async () => {
      const userImage = await programsImage("test/hotplug/programs/main.ts");
      for (let seed = 1; seed <= UNPLUG_SEEDS; seed++) {
        const running = await boot({ platform, cpus: 4, seed, userImage });
        const pids: number[] = [];
        for (let n = 0; n < UNPLUGGERS; n++) pids.push(await running.spawn("unplugger", seed * UNPLUGGERS + n));
        await running.run(0.003);
        for (const pid of pids) await running.kill(pid, SIGKILL);
        for (const pid of pids) await running.wait(pid);
        for (const cpu of [1, 2, 3]) await running.setOnline(cpu, true);
        expect(await running.audit(), `seed ${seed}`).toEqual([]);
        await running.shutdown();
      }
    },
  );

  it("a machine shuts down with CPUs away", async () => {
    const running = await boot({ platform, cpus: 3 });
    await running.setOnline(1, false);
    await running.shutdown();
    await expect(running.setOnline(1, true)).rejects.toMatchObject({ code: "SHUT_DOWN" });
  });
});
