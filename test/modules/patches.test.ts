/** Live patches of functions of kernel modules: with the module there, before it comes, and when it goes. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Machine, MachineOptions } from "../../host/index.ts";
import { trial } from "./rig.ts";
import { moduleImage, modulePatch } from "../module-image.ts";
import { FIX, HELLO, LATE, NEWER, PROBE } from "./fixes.ts";
import type { ImageName } from "../patch-image.ts";
import { functionLines } from "../tracing/graph.ts";

interface Files {
  readonly hello: Uint8Array;
  readonly probe: Uint8Array;
  readonly fix: Uint8Array;
  readonly newer: Uint8Array;
  readonly late: Uint8Array;
}

interface Rig {
  readonly what: string;
  readonly options: MachineOptions;
  readonly image: ImageName;
}
const ALL_RIGS: readonly Rig[] = [
  { what: "4 CPUs, threads", options: { cpus: 4, platform: "threads", debug: true }, image: "kernel-debug" },
  { what: "2 CPUs, stepped", options: { cpus: 2, platform: "stepped", seed: 5 }, image: "kernel-stepped" },
];
/** Patches for a second image take their time to build: in the full run only. */
const RIGS = process.env["WLP_FULL"] ? ALL_RIGS : ALL_RIGS.slice(0, 1);

/** The same module under another name of no other length. */
function renamed(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const text = Buffer.from(bytes).toString("latin1").replace(`"name":"${from}"`, `"name":"${to}"`);
  return new Uint8Array(Buffer.from(text, "latin1"));
}

describe.each(RIGS)("a live patch of a kernel module ($what)", ({ options, image }) => {
  let files: Files;
  beforeAll(async () => {
    files = {
      hello: await moduleImage(HELLO, image),
      probe: await moduleImage(PROBE, image),
      fix: await modulePatch(HELLO, image, "fix", FIX),
      newer: await modulePatch(HELLO, image, "newer", NEWER),
      late: await modulePatch(PROBE, image, "late", LATE),
    };
  }, 600_000);

  /** What the log has said since the last call, without times. */
  function lines(machine: Machine): () => string[] {
    let seen = 0;
    return () => {
      const all = machine.log().map((line) => line.replace(/^\[[^\]]*\] /, ""));
      const fresh = all.slice(seen).filter((line) => /hello|probe|kpatch|kgr/.test(line));
      seen = all.length;
      return fresh;
    };
  }

  it.each(["kpatch", "kgraft"] as const)("goes in and out by %s while its module is loaded", (model) =>
    trial(options, async (machine) => {
      await machine.insmod(files.hello, "times=0");
      const patch = await machine.load(files.fix, { model });
      expect(patch).toMatchObject({ object: "hello", functions: ["say"] });
      expect(patch.slots).toHaveLength(1);
      for (const entries of await machine.slotEntries(patch.slots)) expect(entries).toEqual(["fix"]);
      await machine.disable(patch);
      for (const entries of await machine.slotEntries(patch.slots)) expect(entries).toEqual(["original"]);
      await machine.unload(patch);
      await machine.rmmod("hello");
    }),
  );

  it("waits for a module that is not loaded, goes in before its init_module() runs, and out when it goes", () =>
    trial(options, async (machine) => {
      const since = lines(machine);
      const fix = await machine.load(files.fix, { model: "kpatch" });
      expect(fix.slots).toEqual([]);
      await machine.insmod(files.hello);
      expect(machine.patches()[0]?.slots).toHaveLength(1);
      await machine.rmmod("hello");
      expect(machine.patches()[0]?.slots).toEqual([]);
      expect(since()).toEqual([
        "kpatch: loaded patch module 'fix'",
        "kpatch: delaying patch of unloaded module 'hello'",
        "kpatch: patching newly loaded module 'hello'",
        "hello: mended 1",
        "hello: goodbye after 1",
        "kpatch: reverting patch 'fix' on unloading module 'hello'",
      ]);
      const newer = await machine.load(files.newer, { model: "kgraft" });
      await machine.insmod(files.hello);
      expect(since()).toContain("hello: newer 1"); // the newest that is enabled, as on a module that was there
      await machine.disable(newer);
      await machine.rmmod("hello");
      await machine.insmod(files.hello);
      expect(since()).toContain("hello: mended 1");
      await machine.rmmod("hello");
      await machine.disable(fix);
      await machine.insmod(files.hello);
      expect(since()).toContain("hello: number 1");
      await machine.unload(fix);
      await machine.unload(newer);
      await machine.rmmod("hello");
    }));

  it("vetoes the module when its pre-patch hook refuses, and then neither is there", () =>
    trial(options, async (machine) => {
      const fix = await machine.load(files.fix, { model: "kgraft" });
      const since = lines(machine);
      since();
      await machine.exec("echo 1 > /proc/sys/kernel/panic_on_oops");
      await expect(machine.insmod(files.hello)).rejects.toMatchObject({
        code: "MODULE_REFUSED",
        what: expect.stringMatching(/ENODEV/),
      });
      expect(await machine.read("/proc/modules")).not.toMatch(/hello/);
      expect(since()).toEqual([
        "kgr: applying patch 'fix' to loading module 'hello'",
        "kgr: patch 'fix' failed for module 'hello', refusing to load module 'hello'",
      ]);
      await machine.exec("echo 0 > /proc/sys/kernel/panic_on_oops");
      await machine.insmod(files.hello);
      expect(since()).toContain("hello: mended 1");
      await machine.rmmod("hello");
      await machine.disable(fix);
      await machine.unload(fix);
    }));

  it("is refused, or vetoes the module, when that is not the one that it was made against", () =>
    trial(options, async (machine) => {
      const other = renamed(files.probe, "probe", "hello");
      await machine.insmod(other);
      await expect(machine.load(files.fix, { model: "kgraft" })).rejects.toMatchObject({ code: "UNKNOWN_FUNCTION" });
      expect(machine.patches()).toEqual([]);
      await machine.rmmod("hello");
      const fix = await machine.load(files.fix, { model: "kgraft" });
      await expect(machine.insmod(other)).rejects.toMatchObject({ what: expect.stringMatching(/ENOEXEC/) });
      await machine.disable(fix);
      await machine.unload(fix);
    }));

  it("is there on a CPU that comes later, and gone on one that was away when its module went", () =>
    trial(options, async (machine) => {
      const everywhere = async (slots: readonly number[]): Promise<string> =>
        [...new Set((await machine.slotEntries(slots)).flat())].join();
      await machine.setOnline(1, false);
      await machine.insmod(files.hello, "times=0");
      const { slots, ...fix } = await machine.load(files.fix, { model: "kgraft" });
      await machine.setOnline(1, true);
      expect(await everywhere(slots)).toBe("fix");
      await machine.setOnline(1, false);
      await machine.rmmod("hello");
      await machine.setOnline(1, true);
      await machine.insmod(files.hello, "times=0");
      expect(await everywhere(machine.patches()[0]?.slots ?? [])).toBe("fix");
      await machine.disable({ ...fix, slots });
      expect(await everywhere(slots)).toBe("original");
      await machine.setOnline(1, false);
      await machine.setOnline(1, true);
      expect(await everywhere(slots)).toBe("original");
      await machine.rmmod("hello");
      await machine.unload({ ...fix, slots });
    }));

  it("stays in force while its function is traced, and a traced module goes with its patch", () =>
    trial(options, async (machine) => {
      const tracing = machine.tracing();
      await tracing.write("current_tracer", "function");
      await tracing.write("set_ftrace_filter", "klp_*");
      const fix = await machine.load(files.fix, { model: "kgraft" });
      await machine.insmod(files.hello, "times=0");
      await tracing.write("set_ftrace_filter", "say init_module");
      await machine.rmmod("hello");
      await expect(tracing.write("set_ftrace_filter", "say")).rejects.toMatchObject({
        what: expect.stringMatching(/EINVAL/),
      });
      await tracing.write("set_ftrace_filter", ""); // everybody: a module that comes is traced from its first call on
      const since = lines(machine);
      since();
      await machine.insmod(files.hello, "times=2");
      expect(since().slice(-2)).toEqual(["hello: mended 1", "hello: mended 2"]);
      const { slots } = machine.patches()[0] ?? { slots: [] };
      for (const entries of await machine.slotEntries(slots)) expect(entries).toEqual(["trace"]);
      await tracing.write("tracing_on", "0");
      const calls = functionLines(await tracing.read("trace")).map(({ name, caller }) => `${name} <- ${caller}`);
      expect(calls.filter((call) => call.startsWith("say"))).toEqual(["say <- init_module", "say <- init_module"]);
      await machine.rmmod("hello");
      await tracing.write("current_tracer", "nop");
      await machine.disable(fix);
      await machine.unload(fix);
    }));

  it("leaves a task in the old version until it has returned, and keeps the module while one is in the new", () =>
    trial(options, async (machine) => {
      await machine.insmod(files.probe, "mode=1");
      await machine.run(0.02);
      await expect(machine.load(files.late, { model: "kpatch", attempts: 1 })).rejects.toMatchObject({
        code: "FUNCTION_IN_USE",
      });
      const late = await machine.load(files.late, { model: "kgraft" });
      const since = lines(machine);
      await expect
        .poll(() => machine.run(0.1).then(() => since()), { timeout: 20_000 })
        .toContain("probe: 7 10000000001 100");
      await machine.rmmod("probe");
      await machine.disable(late);
      await machine.unload(late);
    }));
});
