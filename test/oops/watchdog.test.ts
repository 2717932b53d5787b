/** The watchdog: CPUs that do nothing for anybody else are named, with what holds them. */
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Machine } from "../../host/index.ts";
import type { MachineOptions } from "../../host/index.ts";
import { FAILURE, failingImage } from "../failing-image.ts";

const SOFTLOCKUP = 16384;
const MACHINES: readonly MachineOptions[] = [
  { platform: "threads", cpus: 2 },
  { platform: "stepped", cpus: 2 },
];

let machine: Machine | undefined;
afterEach(async () => {
  await machine?.shutdown();
  machine = undefined;
});

function logOf(running: Machine): string {
  return running
    .log()
    .map((line) => line.replace(/^\[.*?\] /, ""))
    .join("\n");
}

describe.each(MACHINES)("the watchdog ($platform)", (options) => {
  let image: { kernel: Uint8Array };
  beforeAll(async () => {
    image = await failingImage(options.platform === "stepped");
  });
  const boot = async (): Promise<Machine> => (machine = await Machine.boot({ ...options, image, selftests: true }));

  it("names a task that holds its CPU for twice watchdog_thresh, with its stack, again and again, and the machine goes on", async () => {
    const running = await boot();
    await running.exec("echo 3 > /proc/sys/kernel/watchdog_thresh");
    expect(await running.selftest(FAILURE.softLockup)).toBe(0);
    const log = logOf(running);
    expect(log).toMatch(
      /^watchdog: BUG: soft lockup - CPU#(\d) stuck for (?:[6-9]|\d\d+)s! \[hostd:(\d+)\]\nCPU: \1 PID: \2 Comm: hostd Not tainted\nCall Trace:\n/m,
    );
    expect(log).toMatch(/ {2}dispatch_interrupts\b.*\n {2}poll_slow\b.*\n {2}fail_soft_lockup\b.*\n {2}run_failure\b/);
    expect(log).toMatch(/soft lockup - CPU#\d stuck for \d+s! \[hostd:\d+\]\nCPU: .* Tainted: G {13}L\n/);
    expect(Number(await running.read("/proc/sys/kernel/tainted"))).toBe(SOFTLOCKUP);
    expect(await running.audit()).toEqual([]);
  });

  it("tells a report in one piece, whatever else is logged meanwhile", async () => {
    const running = await boot();
    await running.exec("echo 3 > /proc/sys/kernel/watchdog_thresh");
    expect(await running.selftest(FAILURE.lockupInNoise)).toBe(0);
    const log = logOf(running);
    expect(log.match(/^chatter$/gm)).toHaveLength(80);
    const whole = /^watchdog: BUG: soft lockup .* \[hostd:.*\nCPU: .*\nCall Trace:\n(?: {2}.*\n)* {2}hostd_main\b/gm;
    const begun = log.match(/^watchdog: BUG: soft lockup .* \[hostd:/gm)?.length;
    expect(begun).toBeGreaterThan(1);
    expect(log.match(whole)).toHaveLength(begun ?? 0);
    expect(await running.audit()).toEqual([]);
  });

  it("names a CPU that takes no interrupts for watchdog_thresh, although all others sleep, with the lock it holds", async () => {
    const running = await boot();
    await running.exec("echo 3 > /proc/sys/kernel/watchdog_thresh");
    expect(await running.selftest(FAILURE.hardLockup)).toBe(0);
    expect(logOf(running)).toMatch(
      /^watchdog: BUG: hard lockup - CPU#\d deaf to interrupts for \d+s! \[deaf\/\d:\d+\]\nspin lock held: deafening$/m,
    );
    expect(await running.audit()).toEqual([]);
  });

  it("is off while watchdog_thresh is 0, and a panic where softlockup_panic says so", async () => {
    const running = await boot();
    await running.exec("echo 0 > /proc/sys/kernel/watchdog_thresh; echo 1 > /proc/sys/kernel/softlockup_panic");
    expect(await running.exec("echo 61 > /proc/sys/kernel/watchdog_thresh")).not.toMatchObject({ status: 0 });
    expect(logOf(running)).not.toMatch(/watchdog/);
    await running.exec("echo 1 > /proc/sys/kernel/watchdog_thresh");
    await expect(running.selftest(FAILURE.softLockup)).rejects.toMatchObject({
      code: "KERNEL_PANIC",
      what: expect.stringMatching(/Kernel panic - not syncing: soft lockup/),
    });
  });
});
