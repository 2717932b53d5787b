/** Live patches that a kernel module makes by hand, with klp_enable_patch(). */
import { beforeAll, describe, expect, it } from "vitest";
import type { Machine, MachineOptions } from "../../host/index.ts";
import { trial } from "./rig.ts";
import { moduleImage } from "../module-image.ts";
import type { ImageName } from "../patch-image.ts";

const SAMPLE = "modules/livepatch-sample/livepatch-sample.ts";
const PATCHED = "this has been live patched\n";
const ENABLED = "/sys/kernel/livepatch/livepatch_sample/enabled";

const ALL_RIGS: readonly { what: string; options: MachineOptions; image: ImageName }[] = [
  { what: "4 CPUs, threads", options: { cpus: 4, platform: "threads", debug: true }, image: "kernel-debug" },
  { what: "2 CPUs, stepped", options: { cpus: 2, platform: "stepped", seed: 3 }, image: "kernel-stepped" },
];
/** A module for a second image takes its time to build: in the full run only. */
const RIGS = process.env["WLP_FULL"] ? ALL_RIGS : ALL_RIGS.slice(0, 1);

describe.each(RIGS)("a module with a live patch of its own ($what)", ({ options, image }) => {
  let sample: Uint8Array;
  beforeAll(async () => {
    sample = await moduleImage(SAMPLE, image);
  }, 300_000);

  /** Lets time pass until `path` says `text`. */
  const until = (machine: Machine, path: string, text: string): Promise<void> =>
    expect.poll(() => machine.run(0.01).then(() => machine.read(path)), { timeout: 20_000 }).toBe(text);

  it.each(["", "kpatch"])("patches from init_module() on, stays while it does, and goes when it is off (%s)", (model) =>
    trial(options, async (machine) => {
      const before = await machine.read("/proc/cmdline");
      for (let cycle = 0; cycle < 2; cycle++) {
        await machine.insmod(sample, model);
        await until(machine, "/proc/cmdline", PATCHED);
        expect(await machine.read("/proc/modules")).toMatch(/^livepatch_sample \d+ 1 - Live \S+ \(O\S*\)\n$/);
        await expect(machine.rmmod("livepatch_sample")).rejects.toMatchObject({
          what: expect.stringMatching(/EAGAIN/),
        });
        await until(machine, "/sys/kernel/livepatch/livepatch_sample/transition", "0\n");
        expect(await machine.exec(`echo 0 > ${ENABLED}`)).toMatchObject({ status: 0 });
        await until(machine, "/sys/module/livepatch_sample/refcnt", "0\n");
        expect(await machine.read("/proc/cmdline")).toBe(before);
        await machine.rmmod("livepatch_sample");
      }
    }),
  );

  it("is not loaded when its patch names a function that there is not, one twice, none, or one of other parameters", () =>
    trial(options, async (machine) => {
      const refused = async (mistake: number, what: RegExp): Promise<void> =>
        expect(machine.insmod(sample, `mistake=${mistake}`)).rejects.toMatchObject({
          code: "MODULE_REFUSED",
          what: expect.stringMatching(what),
        });
      await refused(1, /EINVAL/);
      expect(machine.log().join("\n")).toContain("livepatch: symbol not found in symbol table: 'put_nothing'");
      await refused(2, /EEXIST/);
      await refused(3, /EINVAL/);
      await refused(4, /EINVAL/);
      expect(machine.log().join("\n")).toContain(
        "livepatch: new version has other parameters or another result: 'cpu_up'",
      );
      expect(await machine.read("/proc/cmdline")).not.toBe(PATCHED);
    }));
});
