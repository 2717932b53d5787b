import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Machine } from "../../host/index.ts";
import type { MachineOptions } from "../../host/index.ts";
import { ASSERTIONS, FAILURE, failingImage, FINDINGS, FIRST_ASSERTION, FIRST_FINDING } from "../failing-image.ts";
import { FOREIGN } from "../user-module.ts";

const SIGSEGV = 11;

let machine: Machine | undefined;
afterEach(async () => {
  await machine?.shutdown();
  machine = undefined;
});

async function boot(options: MachineOptions = {}): Promise<Machine> {
  return (machine = await Machine.boot({ cpus: 3, platform: "stepped", ...options }));
}

/** A run of everything at once; what anybody can see of it. */
async function transcript(seed: number): Promise<string> {
  const running = await boot({ seed });
  running.setDeviceHz(1000);
  const pids = [];
  for (const program of ["pipes", "files", "sleeper", "spinner", "spawner", "crash"])
    pids.push(await running.spawn(program, 100));
  await running.run(0.005);
  for (const pid of pids.slice(0, -1)) await running.kill(pid);
  const statuses = [];
  for (const pid of pids) statuses.push(await running.wait(pid));
  running.setDeviceHz(0);
  return JSON.stringify([statuses, await running.audit(), await running.stats(), running.cpuState(), running.log()]);
}

describe("a stepped machine", () => {
  it("is a function of its seed: log, counters, latencies, times", async () => {
    const first = await transcript(1);
    expect(await transcript(1)).toBe(first);
    expect(await transcript(2)).not.toBe(first);
  });

  it("survives a fault as a machine on threads does, with the same backtrace", async () => {
    const running = await boot();
    expect(await running.wait(await running.spawn("crash"))).toBe(SIGSEGV);
    expect(running.log().map((line) => line.replace(/^\[.*?\] /, ""))).toContain(
      "  crash (kernel/user/faults.ts:15:10)",
    );
    expect(await running.audit()).toEqual([]);
  });

  it("has virtual time, which passes as asked and jumps while all CPUs sleep", async () => {
    const running = await boot();
    const before = running.counters().timeNs;
    await running.run(3600);
    const { timeNs, total } = running.counters();
    expect(timeNs - before).toBe(3600e9);
    expect(total.idleNs).toBeGreaterThan(0);
    expect(await running.read("/proc/uptime")).toMatch(/^3600\.00 \d+\.\d\d\n$/);
  });

  it("stands still while nobody waits for it", async () => {
    const running = await boot();
    await running.spawn("spinner");
    const { timeNs } = running.counters();
    await new Promise((resume) => setTimeout(resume, 0));
    expect(running.counters().timeNs).toBe(timeNs);
  });

  it("runs its timers when their time has come, not before", async () => {
    const running = await boot({ cpus: 1 });
    const pid = await running.spawn("sleeper", 500_000);
    await running.run(0.25);
    expect(running.counters().total.timers).toBe(0);
    await running.run(0.5);
    expect(running.counters().total.timers).toBe(1);
    await running.kill(pid);
  });

  it("lets several callers wait at once", async () => {
    const running = await boot();
    const pids = await Promise.all([1, 2, 3].map((code) => running.spawn("leaf", code)));
    expect(await Promise.all(pids.map((pid) => running.wait(pid)))).toEqual([256, 512, 768]);
  });

  it("stops waiting at an abort signal, and goes on for the next caller", async () => {
    const running = await boot();
    const pid = await running.spawn("spinner");
    const controller = new AbortController();
    const waiting = running.wait(pid, { signal: controller.signal });
    setTimeout(() => controller.abort(), 0);
    await expect(waiting).rejects.toMatchObject({ code: "ABORTED" });
    await running.kill(pid);
    expect(await running.wait(pid)).toBe(15);
  });

  it("answers nothing after it was shut down", async () => {
    const running = await boot();
    await running.shutdown();
    await expect(running.read("/proc/uptime")).rejects.toMatchObject({ code: "SHUT_DOWN" });
  });
});

describe("a stepped machine that cannot go on", () => {
  let image: { kernel: Uint8Array };
  beforeAll(async () => {
    image = await failingImage(true);
  });
  const failing = (options: MachineOptions = {}): Promise<Machine> =>
    boot({ cpus: 2, image, selftests: true, ...options });

  it("because nothing will ever wake anybody is a DEADLOCK, with the state of every CPU", async () => {
    const running = await failing();
    await expect(running.selftest(FAILURE.sleepForEver)).rejects.toMatchObject({
      code: "DEADLOCK",
      what: expect.stringMatching(/^nothing can happen any more.*\n {2}CPU 0: idle.*\n {2}CPU 1: idle/),
    });
    await expect(running.read("/proc/uptime")).rejects.toMatchObject({ code: "DEADLOCK" });
  });

  it("because a program waits for itself is one too", async () => {
    const running = await boot({ userImage: FOREIGN });
    await expect(running.wait(await running.spawn("forever"))).rejects.toMatchObject({ code: "DEADLOCK" });
  });

  it("because every CPU waits for another is a LIVELOCK that names lock and holder", async () => {
    const running = await failing();
    await expect(running.selftest(FAILURE.busyWait)).rejects.toMatchObject({
      code: "LIVELOCK",
      what: expect.stringMatching(/hostd\[\d+\].*holds 1 lock \(last coveted\)/),
    });
    expect(running.cpuState().some(({ spinningOn }) => spinningOn?.lock === "coveted")).toBe(true);
  });

  it("because it panicked says so", async () => {
    const running = await failing();
    await expect(running.selftest(FAILURE.panic)).rejects.toMatchObject({
      code: "KERNEL_PANIC",
      what: expect.stringMatching(/as the test asked/),
    });
  });

  it("because it left for an unknown reason says so", async () => {
    const running = await failing();
    await expect(running.selftest(FAILURE.unknownExit)).rejects.toMatchObject({
      code: "UNKNOWN_EXIT",
      what: expect.stringMatching(/reason 99/),
    });
  });

  it("because its steps are used up is stopped there", async () => {
    const running = await boot({ stepBudget: 20_000 });
    await running.spawn("spinner");
    await expect(running.run(1)).rejects.toMatchObject({
      code: "STEP_BUDGET",
      what: expect.stringMatching(/more than 20000 steps\n {2}CPU 0/),
    });
  });
});

describe("a debug build panics, and names the reason, when", () => {
  let image: { kernel: Uint8Array };
  beforeAll(async () => {
    image = await failingImage(true);
  });

  it.each(ASSERTIONS.map((row, index) => ({ ...row, row: FIRST_ASSERTION + index })))(
    "$when",
    async ({ row, says }) => {
      const running = await boot({ cpus: 1, image, selftests: true });
      await expect(running.selftest(row)).rejects.toMatchObject({
        code: "KERNEL_PANIC",
        what: expect.stringMatching(says),
      });
    },
  );
});

describe("the audit of a debug build names it, and the log says more, when", () => {
  let image: { kernel: Uint8Array };
  beforeAll(async () => {
    image = await failingImage(true);
  });

  it.each(FINDINGS.map((row, index) => ({ ...row, row: FIRST_FINDING + index })))("$when", async (expected) => {
    const running = await boot({ cpus: 1, image, selftests: true });
    expect(await running.audit()).toEqual([]);
    expect(await running.selftest(expected.row)).toBe(0);
    const findings = await running.audit();
    expect(findings).toContainEqual(expect.stringMatching(expected.finding));
    expect(findings.filter((finding) => /locking dependency/.test(finding)).length).toBeLessThan(2); // once per pair
    expect(running.log().join("\n")).toMatch(expected.log);
  });
});
