/** Probes of kernel modules: register_kprobe() and register_redirector(), beside live patches and each other. */
import { beforeAll, describe, expect, it } from "vitest";
import { Machine } from "../../host/index.ts";
import type { MachineOptions } from "../../host/index.ts";
import { moduleImage } from "../module-image.ts";
import type { ImageName } from "../patch-image.ts";

const SIGTERM = 15;
const CMDLINE = "/proc/cmdline";
const PATCHED = "this has been live patched\n";
const REDIRECTED = "redirected\n";
const ENABLED = "/sys/kernel/livepatch/livepatch_sample/enabled";
const FTRACE = "/proc/sys/kernel/ftrace_enabled";
/** Bits of the module's mode. */
const [WATCHES, REDIRECTS, FORGETS, AGAIN, SLEEPS, MISTAKEN, OTHER] = [1, 2, 4, 8, 16, 32, 64];

const ALL_RIGS: readonly { what: string; options: MachineOptions; image: ImageName }[] = [
  { what: "2 CPUs, threads", options: { cpus: 2, platform: "threads", debug: true }, image: "kernel-debug" },
  { what: "2 CPUs, stepped", options: { cpus: 2, platform: "stepped", seed: 3 }, image: "kernel-stepped" },
];
/** A module for a second image takes its time to build: in the full run only. */
const RIGS = process.env["WLP_FULL"] ? ALL_RIGS : ALL_RIGS.slice(0, 1);

describe.each(RIGS)("a module's probes ($what)", ({ options, image }) => {
  let watcher: Uint8Array;
  let sample: Uint8Array;
  beforeAll(async () => {
    watcher = await moduleImage("test/modules/sources/watcher.ts", image);
    sample = await moduleImage("modules/livepatch-sample/livepatch-sample.ts", image);
  }, 300_000);

  async function trial(work: (machine: Machine) => Promise<void>): Promise<void> {
    const machine = await Machine.boot({ memoryMiB: 32, ...options });
    try {
      await work(machine);
      expect(await machine.read("/proc/modules")).toBe("");
      const slots = Array.from({ length: 900 }, (_, index) => index + 1);
      expect((await machine.slotEntries(slots)).flat().filter((entry) => entry === "trace")).toEqual([]);
      expect(await machine.audit()).toEqual([]);
    } finally {
      await machine.shutdown();
    }
  }

  const insmod = (machine: Machine, mode: number): Promise<void> => machine.insmod(watcher, `mode=${mode}`);
  const seen = async (machine: Machine): Promise<number> =>
    Number(await machine.read("/sys/module/watcher/parameters/seen"));
  const busy = { code: "MODULE_REFUSED", what: expect.stringMatching(/EBUSY/) };

  /** Lets time pass until `path` says `text`. */
  const until = (machine: Machine, path: string, text: string): Promise<void> =>
    expect.poll(() => machine.run(0.01).then(() => machine.read(path)), { timeout: 20_000 }).toBe(text);

  async function unpatch(machine: Machine): Promise<void> {
    await until(machine, "/sys/kernel/livepatch/livepatch_sample/transition", "0\n");
    expect(await machine.exec(`echo 0 > ${ENABLED}`)).toMatchObject({ status: 0 });
    await until(machine, "/sys/module/livepatch_sample/refcnt", "0\n");
    await machine.rmmod("livepatch_sample");
  }

  it("are told of each call, of the patched function too, whichever came first", () =>
    trial(async (machine) => {
      const before = await machine.read(CMDLINE);
      await insmod(machine, WATCHES);
      const told = async (text: string): Promise<void> => {
        const last = await seen(machine);
        expect(await machine.read(CMDLINE)).toBe(text);
        expect(await seen(machine)).toBeGreaterThan(last);
      };
      await told(before);
      await machine.insmod(sample, "kpatch");
      await told(PATCHED);
      await machine.tracing().write("set_ftrace_filter", "put_cmdline");
      await machine.tracing().write("current_tracer", "function");
      await told(PATCHED);
      expect(await machine.tracing().read("trace")).toContain(": put_cmdline <-");
      await machine.rmmod("watcher");
      expect(await machine.read(CMDLINE)).toBe(PATCHED);
      await insmod(machine, WATCHES);
      await told(PATCHED);
      await machine.tracing().write("current_tracer", "nop");
      await machine.tracing().write("set_ftrace_filter", "");
      await unpatch(machine);
      await told(before);
      await machine.rmmod("watcher");
    }));

  it("may lead a function elsewhere; then patches of it, other redirectors and ftrace_enabled=0 are refused", () =>
    trial(async (machine) => {
      const before = await machine.read(CMDLINE);
      await insmod(machine, REDIRECTS | WATCHES);
      expect(await machine.read(CMDLINE)).toBe(REDIRECTED);
      expect(await seen(machine)).toBeGreaterThan(0);
      await expect(machine.insmod(sample, "kpatch")).rejects.toMatchObject(busy);
      await expect(machine.insmod(sample)).rejects.toMatchObject(busy);
      expect(machine.log().join("\n")).toContain("kgr: a probe redirects a function of 'livepatch_sample'");
      await expect(machine.write(FTRACE, "0")).rejects.toMatchObject({ message: expect.stringMatching(/EBUSY/) });
      expect(await machine.read(CMDLINE)).toBe(REDIRECTED);
      await machine.rmmod("watcher");
      expect(await machine.read(CMDLINE)).toBe(before);
      await expect(insmod(machine, REDIRECTS | AGAIN)).rejects.toMatchObject(busy);
      expect(await machine.read(CMDLINE)).toBe(before);
    }));

  it("are refused where a patch is in force, where tracing is off, and for what there is not", () =>
    trial(async (machine) => {
      await machine.insmod(sample);
      await expect(insmod(machine, REDIRECTS)).rejects.toMatchObject(busy);
      await until(machine, CMDLINE, PATCHED);
      await unpatch(machine);
      await machine.write(FTRACE, "0");
      await expect(insmod(machine, REDIRECTS)).rejects.toMatchObject(busy);
      await insmod(machine, WATCHES); // plain ones are told nothing until it is on again
      await machine.read(CMDLINE);
      expect(await seen(machine)).toBe(0);
      await machine.write(FTRACE, "1");
      await machine.read(CMDLINE);
      expect(await seen(machine)).toBeGreaterThan(0);
      await machine.rmmod("watcher");
      await expect(insmod(machine, MISTAKEN)).rejects.toMatchObject({ what: expect.stringMatching(/ENOENT/) });
      await expect(insmod(machine, OTHER)).rejects.toMatchObject({ what: expect.stringMatching(/EINVAL/) });
    }));

  it("go with their module when it leaves them behind", () =>
    trial(async (machine) => {
      const before = await machine.read(CMDLINE);
      await insmod(machine, REDIRECTS | WATCHES | FORGETS);
      expect(await machine.read(CMDLINE)).toBe(REDIRECTED);
      await machine.rmmod("watcher");
      expect(machine.log().filter((line) => line.endsWith("watcher: leaves a probe behind"))).toHaveLength(2);
      expect(await machine.read(CMDLINE)).toBe(before);
    }));

  it("may stand in for a function that sleeps, and end while a task is inside", () =>
    trial(async (machine) => {
      await insmod(machine, SLEEPS);
      const pid = await machine.spawn("sleeper", 1000);
      // It wakes where it went to sleep, although the probe has gone meanwhile.
      expect(await machine.wait(pid)).toBe(1 << 8);
      expect(await seen(machine)).toBe(1);
      const other = await machine.spawn("sleeper", 1000);
      await machine.run(0.1);
      await machine.kill(other);
      expect(await machine.wait(other)).toBe(SIGTERM);
      await machine.rmmod("watcher");
    }));

  it("of a module's function wait for the module, and for it again when it went", () =>
    trial(async (machine) => {
      const tracing = machine.tracing();
      await tracing.write("kprobe_events", "p:later watcher:init_module");
      await machine.write("/sys/kernel/tracing/events/kprobes/later/enable", "1");
      for (let round = 1; round < 3; round++) {
        await insmod(machine, 0);
        expect((await tracing.read("trace")).split("later: (init_module+0x0)")).toHaveLength(1 + round);
        await machine.rmmod("watcher");
      }
      await machine.write("/sys/kernel/tracing/events/kprobes/later/enable", "0");
      await tracing.write("kprobe_events", "");
      for (const tracer of ["function", "nop"]) await tracing.write("current_tracer", tracer);
    }));
});
