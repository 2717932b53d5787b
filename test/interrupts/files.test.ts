/** /proc/interrupts and /proc/softirqs. */
import { afterEach, describe, expect, it } from "vitest";
import { IRQ_PULSE } from "../../kernel/abi.ts";
import { Machine } from "../../host/index.ts";
import type { MachineOptions } from "../../host/index.ts";

/** A line that nobody requests. */
const NOBODYS = 9;

let machine: Machine | undefined;
afterEach(async () => {
  await machine?.shutdown();
  machine = undefined;
});

async function boot(options: MachineOptions): Promise<Machine> {
  return (machine = await Machine.boot(options));
}

/** Counts of a row by CPU. */
function row(text: string, name: string): number[] {
  const line = text.split("\n").find((candidate) => candidate.trimStart().startsWith(`${name}:`));
  return [...(line?.slice(line.indexOf(":") + 1).matchAll(/ +(\d+)(?= |$)/gy) ?? [])].map((match) => Number(match[1]));
}

describe.each(["threads", "stepped"] as const)("on %s", (platform) => {
  it("/proc/interrupts has a row per line: counts by CPU, chip, number, names", async () => {
    const running = await boot({ platform, cpus: 2 });
    running.interrupt(IRQ_PULSE, 1);
    while (running.counters().total.deviceInterrupts === 0) await running.run(0.001);
    const text = await running.read("/proc/interrupts");
    expect(text.split("\n")[0]).toBe("           CPU0       CPU1       ");
    expect(text).toMatch(/^ {2}1: [\d ]{10} [\d ]{10} {5}host {3}1-edge {6}mailbox$/m);
    expect(text).toMatch(/^ {2}2: {10}0 {10}1 {5}host {3}2-edge {6}pulse$/m);
    expect(text).toMatch(/^LOC: [\d ]{10} [\d ]{10} {3}Local timer interrupts$/m);
    expect(text).toMatch(/^RES: [\d ]{10} [\d ]{10} {3}Rescheduling interrupts$/m);
    expect(text).toMatch(/^CAL: [\d ]{10} [\d ]{10} {3}Function call interrupts$/m);
    expect(text).toMatch(/^ERR: {10}0$/m);
  });

  it("/proc/interrupts has columns for the CPUs that are online", async () => {
    const running = await boot({ platform, cpus: 3 });
    await running.setOnline(1, false);
    expect((await running.read("/proc/interrupts")).split("\n")[0]).toBe("           CPU0       CPU2       ");
  });

  it("an interrupt that nobody wanted is counted as an error, and nothing else happens", async () => {
    const running = await boot({ platform, cpus: 2 });
    running.interrupt(NOBODYS, 1);
    while (row(await running.read("/proc/interrupts"), "ERR")[0] === 0) await running.run(0.001);
    expect(row(await running.read("/proc/interrupts"), "ERR")).toEqual([1]);
    expect(await running.audit()).toEqual([]);
  });

  it("/proc/softirqs counts what ran behind interrupts, in the rows that Linux has", async () => {
    const running = await boot({ platform, cpus: 2 });
    expect(row(await running.read("/proc/softirqs"), "TASKLET")).toEqual([0, 0]);
    running.interrupt(IRQ_PULSE, 1);
    while (row(await running.read("/proc/softirqs"), "TASKLET")[1] === 0) await running.run(0.001);
    const text = await running.read("/proc/softirqs");
    expect(row(text, "TASKLET")).toEqual([0, 1]);
    expect(text.split("\n")[0]).toBe("                    CPU0       CPU1       ");
    const names = ["HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"];
    expect(text.match(/^ *[A-Z_]+:/gm)).toEqual(names.map((name) => `${name.padStart(12)}:`));
  });
});

it("with 64 CPUs, /proc/interrupts is whole", async () => {
  const running = await boot({ platform: "stepped", cpus: 64, memoryMiB: 64 });
  const lines = (await running.read("/proc/interrupts")).split("\n");
  expect(lines[0]).toMatch(/CPU63 {6}$/);
  expect(lines.find((line) => line.startsWith("ERR:"))).toBeDefined();
});
