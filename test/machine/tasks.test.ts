import { afterEach, describe, expect, it } from "vitest";
import { Machine } from "../../host/index.ts";
import type { MachineOptions } from "../../host/index.ts";
import { selftestImage } from "../selftest-image.ts";
import { LOG_LINES, TEN_THOUSAND_TASKS } from "../selftests.ts";

let machine: Machine | undefined;
afterEach(async () => machine?.shutdown());

async function boot(options: MachineOptions): Promise<Machine> {
  return (machine = await Machine.boot(options));
}

/** Reads a task's stack until it shows `frame`; the task will sleep there, but not at once. */
async function stackWith(of: Machine, pid: number, frame: string): Promise<string[]> {
  for (;;) {
    const lines = (await of.read(`/proc/${pid}/stack`)).trimEnd().split("\n");
    if (lines.some((line) => line.includes(frame))) return lines;
  }
}

describe("tasks", () => {
  it("exist ten thousand at once, and end without leaving anything", { timeout: 120_000 }, async () => {
    const image = await selftestImage({ stepped: false });
    await boot({ cpus: 4, memoryMiB: 96, image, selftests: true });
    expect(await machine?.selftest(TEN_THOUSAND_TASKS)).toBe(0);
    expect(await machine?.audit()).toEqual([]);
  });

  for (const platform of ["threads", "stepped"] as const) {
    it(`show where they sleep, from the system call down to the user's function (${platform})`, async () => {
      const running = await boot({ cpus: 2, platform });
      const pid = await running.spawn("sleeper", 50_000);
      const stack = (await stackWith(running, pid, "sleep_until")).map((line) =>
        line.replace(/^\[<0>\] (\w+)\+\d+$/, "$1"),
      );
      expect(stack.slice(0, 4)).toEqual(["switch_task", "schedule", "sleep_until", "sys_nanosleep"]);
      expect(stack.at(-1)).toBe("task_entry");
      expect(stack).toContain("sleeper");
      await running.kill(pid);
      expect(await running.wait(pid)).toBe(15);
    });

    it(`show one moment in a file, however often they run meanwhile (${platform})`, async () => {
      const running = await boot({ cpus: 2, platform });
      const pid = await running.spawn("sleeper", 20);
      for (let i = 0; i < 300; i++) {
        const text = await running.read(`/proc/${pid}/stack`);
        expect(text).toMatch(/^(\[<0>\] running on cpu \d\n|(\[<0>\] \w+\+\d+\n)*)$/);
      }
      await running.kill(pid);
      expect(await running.wait(pid)).toBe(15);
    });

    it(`that never make a system call are preempted, and killed, in their loops (${platform})`, async () => {
      const running = await boot({ cpus: 1, platform });
      const spinners = [await running.spawn("spinner", 0), await running.spawn("spinner", 0)];
      // A timer fires on the busy CPU: this program sleeps a millisecond.
      const napper = await running.spawn("deep", 0);
      expect(await running.wait(napper)).toBe(0);
      for (const pid of spinners) await running.kill(pid);
      for (const pid of spinners) expect(await running.wait(pid)).toBe(15);
      expect((await running.stats()).total.preemptions).toBeGreaterThan(0);
      expect(await running.audit()).toEqual([]);
    });

    it(`answer wrong system calls with an error number (${platform})`, async () => {
      const running = await boot({ cpus: 2, platform });
      expect(await running.wait(await running.spawn("probe"))).toBe(0);
      expect(await running.audit()).toEqual([]);
    });

    it(`pass a byte back and forth, and lose it nowhere (${platform})`, async () => {
      const running = await boot({ cpus: 2, platform });
      expect(await running.wait(await running.spawn("bounce", 5))).toBe(0);
      expect(await running.audit()).toEqual([]);
    });

    it(`reach nothing but their window (${platform})`, async () => {
      const running = await boot({ cpus: 2, platform });
      expect(await running.wait(await running.spawn("escape", 7))).toBe(7 << 8);
      expect(await running.read("/proc/uptime")).toMatch(/^\d+\.\d\d \d+\.\d\d\n$/);
    });

    it(`that recurse beyond their saved stack are killed by name (${platform})`, async () => {
      const running = await boot({ cpus: 2, platform });
      const pid = await running.spawn("deep", 2000);
      expect(await running.wait(pid)).toBe(11);
      expect(running.log().join("\n")).toContain(`task ${pid} (deep): saved stack overflow, killed`);
      expect(await running.audit()).toEqual([]);
    });
  }
});

describe("the kernel's log", () => {
  for (const platform of ["threads", "stepped"] as const) {
    it(`keeps lines whole and in order, whoever writes at the same time, and says what it lost (${platform})`, async () => {
      const image = await selftestImage({ stepped: platform === "stepped" });
      const running = await boot({ cpus: 4, platform, image, selftests: true });
      expect(await running.selftest(LOG_LINES)).toBe(0);
      const last = [-1, -1, -1, -1];
      let told = 0;
      for (const line of running.log()) {
        const [, writer, number] = /^\[ *\d+\.\d{6}\] writer ([0-3]) line (\d+)$/.exec(line) ?? [];
        if (writer === undefined) {
          expect(line).toMatch(/machine is up$|^\(\d+ bytes of the log were overwritten before they were read\)$/);
          if (line.startsWith("(")) last.fill(-1);
          continue;
        }
        const before = last[Number(writer)] ?? NaN;
        expect(before === -1 || Number(number) === before + 1, line).toBe(true);
        last[Number(writer)] = Number(number);
        told++;
      }
      expect(told).toBeGreaterThan(1000);
    });
  }
});
