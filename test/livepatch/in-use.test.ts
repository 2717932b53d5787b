/** A function that somebody is inside of: what kpatch refuses, and how kGraft goes on. */
import { describe, expect, it } from "vitest";
import type { LoadedPatch, Machine } from "../../host/index.ts";
import { patchImage } from "../patch-image.ts";
import { IRQD, NAP, PAIR, SAME_NAP, SCHEDULE, TOP } from "./patches.ts";
import { expectSlots, FULL, PIPES, slotsOf, traced, underLoad, violations } from "./rig.ts";
import type { Load } from "./rig.ts";

const MACHINE = { cpus: 2, seed: 5 };
/** One task, asleep in sys_nanosleep() for a second at a time. */
const SLEEPER: Load = [["sleeper", 1_000_000]];
const ASLEEP_SECONDS = 0.01;
const EXIT_1 = 1 << 8;
/** livepatchd begins behind its asker: in how many ways is tried. */
const SIGNAL_SEEDS = 10;

/** A machine whose one task is asleep inside sys_nanosleep(). */
const withSleeper = <T>(work: (machine: Machine, pid: number) => Promise<T>): Promise<T> =>
  underLoad(MACHINE, SLEEPER, async (machine, [pid = 0]) => {
    await machine.run(ASLEEP_SECONDS);
    return work(machine, pid);
  });

/** Versions that `pid` called, in order. */
const called = (calls: readonly { task: number; version: string }[], pid: number): string[] =>
  calls.filter(({ task }) => task === pid).map(({ version }) => version);

describe("kpatch, when a task is asleep inside the function,", () => {
  it("refuses, naming the function, the task and its whole stack, and changes nothing", async () => {
    const bytes = await patchImage("same-nap", SAME_NAP);
    await withSleeper(async (machine, pid) => {
      const reports: string[] = [];
      const refusal = machine.load(bytes, {
        model: "kpatch",
        attempts: 2,
        onRefused: (report) => void reports.push(report),
      });
      await expect(refusal).rejects.toMatchObject({
        code: "FUNCTION_IN_USE",
        remedy: expect.stringMatching(/kgraft model/),
      });
      await expect(refusal).rejects.toThrow(/2 attempts.*failed for sys_nanosleep/);
      expect(reports).toHaveLength(2);
      expect(reports[0]?.replace(/\+\d+/g, "").split("\n")).toEqual([
        "activeness safety check failed for sys_nanosleep",
        `PID: ${pid} Comm: sleeper`,
        ...["switch_task", "schedule", "sleep_until", "sys_nanosleep", "dispatch_syscall", "syscall"].map(
          (name) => `[<0>] ${name}`,
        ),
        ...["nanosleep", "sleeper", "user_main", "task_entry"].map((name) => `[<0>] ${name}`),
        "",
      ]);
      await expectSlots(machine, { slots: slotsOf(bytes) }, "original");
      expect(machine.patches()).toEqual([]);
    });
  });

  it("tries again and succeeds when it has woken up", async () => {
    const bytes = await patchImage("same-nap", SAME_NAP);
    await underLoad(MACHINE, [], async (machine) => {
      const napper = await machine.spawn("deep", 0); // sleeps a millisecond, once
      await machine.run(0.0005);
      let refused = 0;
      const patch = await machine.load(bytes, {
        model: "kpatch",
        retrySeconds: 0.0003,
        attempts: 20,
        onRefused: () => void refused++,
      });
      expect(refused).toBeGreaterThan(0);
      await expectSlots(machine, patch, "same-nap");
      expect(await machine.wait(napper)).toBe(0);
    });
  });

  it("goes in by force: the old frame finishes old, the next call is new", async () => {
    const bytes = await patchImage("nap", NAP);
    await underLoad(MACHINE, [], async (machine) => {
      await machine.watch(slotsOf(bytes));
      const pid = await machine.spawn("sleeper", 5000);
      const { calls, result: patch } = await traced(machine, async () => {
        await machine.run(0.001);
        const loaded = await machine.load(bytes, { model: "kpatch", attempts: 1, force: ["sys_nanosleep"] });
        await expectSlots(machine, loaded, "stub"); // a stack needs the old version
        expect(await machine.wait(pid)).toBe(EXIT_1);
        return loaded;
      });
      expect(called(calls, pid)).toEqual(["original", "nap"]);
      await machine.unwatch();
      await machine.disable(patch);
      await expectSlots(machine, patch, "original");
    });
  });

  it("comes out only when nobody is asleep in the new version", async () => {
    const bytes = await patchImage("same-nap", SAME_NAP);
    await underLoad(MACHINE, [], async (machine) => {
      const patch = await machine.load(bytes, { model: "kpatch" });
      const napper = await machine.spawn("deep", 0);
      await machine.run(0.0005);
      await expect(machine.disable(patch, { attempts: 1 })).rejects.toMatchObject({ code: "FUNCTION_IN_USE" });
      expect((await machine.patchStatus(patch)).state).toBe("enabled");
      expect(await machine.wait(napper)).toBe(0);
      await machine.disable(patch, { attempts: 1 });
      await machine.unload(patch);
    });
  });

  it("never patches what is always on a stack", async () => {
    const bytes = await patchImage("schedule", SCHEDULE);
    await underLoad(MACHINE, PIPES, async (machine) => {
      const refusal = machine.load(bytes, { model: "kpatch", attempts: 3 });
      await expect(refusal).rejects.toThrow(/FUNCTION_IN_USE.*failed for (preempt_)?schedule/);
    });
  });
});

describe("kGraft, when a task is asleep inside the function,", () => {
  it("waits for it, names it, and lets it finish in old code", async () => {
    const bytes = await patchImage("nap", NAP);
    await underLoad(MACHINE, [], async (machine) => {
      await machine.watch(slotsOf(bytes));
      const pid = await machine.spawn("sleeper", 50_000);
      const trace = await traced(machine, async () => {
        await machine.run(ASLEEP_SECONDS);
        const patch = await machine.load(bytes, { model: "kgraft", noWait: true });
        await machine.run(ASLEEP_SECONDS);
        expect(await machine.patchStatus(patch)).toMatchObject({ state: "enabling" });
        expect([...new Set((await machine.slotEntries(patch.slots)).flat())]).toEqual(["stub"]);
        const blockers = await machine.blockers();
        expect(blockers).toMatch(new RegExp(`PID: ${pid} Comm: sleeper\n(.*\n)*.*sys_nanosleep`));
        expect(await machine.patchSettled(patch)).toBe(0);
        expect(await machine.wait(pid)).toBe(EXIT_1);
        return patch;
      });
      expect(called(trace.calls, pid)).toEqual(["original", "nap"]);
      expect(violations(trace, trace.result)).toEqual([]);
      await machine.unwatch();
    });
  });

  it("is helped by a signal: the task moves at once, and its system call ends as it would have", async () => {
    const bytes = await patchImage("same-nap", SAME_NAP);
    await withSleeper(async (machine, pid) => {
      const began = machine.timeNs();
      await machine.watch(slotsOf(bytes));
      const { calls, result: patch } = await traced(machine, async () => {
        const loaded = await machine.load(bytes, { model: "kgraft", noWait: true });
        await machine.run(ASLEEP_SECONDS);
        expect(await machine.signalBlockers()).toBe(1);
        expect(await machine.patchSettled(loaded)).toBe(0);
        return loaded;
      });
      expect(called(calls, pid)).toEqual(["same-nap"]); // the call is made again, by new code
      expect((machine.timeNs() - began) / 1e9).toBeLessThan(0.1);
      await expectSlots(machine, patch, "same-nap");
      // The second sleep begins when the first one should have ended.
      const { calls: later } = await traced(machine, () => machine.run(0.85));
      expect(called(later, pid)).toEqual([]);
      const { calls: next } = await traced(machine, () => machine.run(0.2));
      expect(called(next, pid)).toEqual(["same-nap"]);
      await machine.unwatch();
    });
  });

  it("is helped by a signal that comes right behind the request, however long livepatchd takes to begin", async () => {
    const bytes = await patchImage("same-nap", SAME_NAP);
    for (let seed = 1; seed <= SIGNAL_SEEDS; seed++) {
      await underLoad({ ...MACHINE, seed }, SLEEPER, async (machine) => {
        await machine.run(ASLEEP_SECONDS);
        const patch = await machine.load(bytes, { model: "kgraft", noWait: true });
        expect(await machine.signalBlockers(), `seed ${seed}`).toBe(1);
        expect(await machine.patchSettled(patch)).toBe(0);
        expect((await machine.patchStatus(patch)).state).toBe("enabled");
        expect(machine.timeNs() / 1e9).toBeLessThan(1); // before the sleep would have ended by itself
      });
    }
  });

  it("patches what is always on a stack: kernel threads, init and idle tasks pass too", async () => {
    const bytes = await patchImage("schedule", SCHEDULE);
    await underLoad(MACHINE, FULL, async (machine) => {
      machine.setDeviceHz(500);
      await machine.watch(slotsOf(bytes));
      const enabling = await traced(machine, () => machine.load(bytes, { model: "kgraft" }));
      const patch = enabling.result;
      expect(violations(enabling, patch)).toEqual([]);
      const tasks = new Set(
        enabling.calls.filter(({ version }) => version === "schedule").map(({ context }) => context),
      );
      expect(tasks).toContain("task");
      const disabling = await traced(machine, () => machine.disable(patch));
      expect(violations(disabling, patch)).toEqual([]);
      await machine.unwatch();
    });
  });

  it("leaves a stub only where an old frame is left", async () => {
    const bytes = await patchImage("schedule", SCHEDULE);
    await underLoad(MACHINE, [...PIPES, ...SLEEPER], async (machine) => {
      await machine.run(ASLEEP_SECONDS);
      const patch = await machine.load(bytes, { model: "kgraft" });
      const entries = await machine.slotEntries(patch.slots);
      for (const cpu of entries) expect(cpu).toEqual(entries[0]);
      expect(entries[0]?.every((entry) => entry === "stub" || entry === "schedule")).toBe(true);
    });
  });
});

describe("a frame left over by a kGraft patch", () => {
  it("keeps its stub through a kpatch patch of the same function, and finishes in its own code", async () => {
    const below = await patchImage("irqd", IRQD);
    const above = await patchImage("irqd-again", IRQD);
    await underLoad(MACHINE, PIPES, async (machine) => {
      machine.setDeviceHz(2000);
      const patch = await machine.load(below, { model: "kgraft" });
      await expectSlots(machine, patch, "stub"); // irqd's own frame is older than the patch, and never returns
      await expectSlots(machine, await machine.load(above, { model: "kpatch" }), "stub");
      const { deviceInterrupts } = machine.counters().total;
      await machine.run(ASLEEP_SECONDS);
      expect(machine.counters().total.deviceInterrupts).toBeGreaterThan(deviceInterrupts);
    });
  });
});

describe.each(["kpatch", "kgraft"] as const)("two %s patches of one function", (model) => {
  it("lie on each other, and come out in the opposite order only", async () => {
    const [pair, top] = [await patchImage("pair", PAIR), await patchImage("top", TOP)];
    await underLoad({ cpus: 3, seed: 2 }, PIPES, async (machine) => {
      const load = (bytes: Uint8Array): Promise<LoadedPatch> => machine.load(bytes, { model, attempts: 50 });
      const below = await load(pair);
      const above = await load(top);
      await expectSlots(machine, above, "top");
      await expect(machine.disable(below)).rejects.toMatchObject({
        code: "PATCH_BUSY",
        remedy: expect.stringMatching(/newer patch off first/),
      });
      await machine.disable(above, { attempts: 50 });
      await expectSlots(machine, below, "pair");
      await machine.disable(below, { attempts: 50 });
      await expectSlots(machine, below, "original");
      await machine.unload(below);
      await machine.unload(above);
    });
  });
});
