/** Tracing and live patching of the same functions: both stay in force, whichever came first. */
import { describe, expect, it } from "vitest";
import type { MachineOptions } from "../../host/index.ts";
import { NAP, PAIR } from "../livepatch/patches.ts";
import { expectSlots, slotsOf, traced, underLoad, violations } from "../livepatch/rig.ts";
import type { Load } from "../livepatch/rig.ts";
import { patchImage, plantedImage } from "../patch-image.ts";
import type { Kernel } from "../patch-image.ts";
import { functionLines } from "./graph.ts";

const PIPES: Load = [["pipes", 1]];
const ENABLED = "/proc/sys/kernel/ftrace_enabled";
const TRACED = "get_file take_bytes";

/** Applies and removes PAIR while its functions are traced; what is not as it should be. */
async function patchTraced(model: "kpatch" | "kgraft", options: MachineOptions, kernel?: Kernel): Promise<string[]> {
  const image = options.platform === "threads" ? "kernel-debug" : "kernel-stepped";
  const bytes = await patchImage("pair", PAIR, kernel ?? image);
  const found: string[] = [];
  await underLoad(
    { memoryMiB: 32, ...options, ...(kernel && { image: { kernel: kernel.bytes } }) },
    PIPES,
    async (running) => {
      const tracing = running.tracing();
      await tracing.write("set_ftrace_filter", TRACED);
      await tracing.write("current_tracer", "function");
      await running.watch(slotsOf(bytes));
      const enabling = await traced(running, () => running.load(bytes, { model, attempts: 1000 }));
      const patch = enabling.result;
      await expectSlots(running, patch, "trace");
      await tracing.write("trace", "");
      const both = (text: string): boolean => text.includes(": get_file") && text.includes(": take_bytes");
      const patched = await traced(running, async () => {
        do await running.run(0.005);
        while (!both(await tracing.read("trace")));
      });
      await tracing.write("tracing_on", "0");
      const names = new Set(functionLines(await tracing.read("trace")).map(({ name }) => name));
      if (!names.has("get_file") || !names.has("take_bytes")) found.push(`traced only ${[...names].join()}`);
      // Calls that began before the patch was in may still end.
      const old = patched.calls.filter(({ version }) => version === "original");
      if (patched.calls.length === 0 || old.length > 0)
        found.push(`${old.length} of ${patched.calls.length} calls went to the original`);
      found.push(...violations(enabling, patch));
      await tracing.write("current_tracer", "nop");
      await expectSlots(running, patch, "pair");
      await tracing.write("current_tracer", "function_graph");
      const disabling = await traced(running, () => running.disable(patch, { attempts: 1000 }));
      found.push(...violations(disabling, patch));
      await expectSlots(running, patch, "trace");
      await tracing.write("current_tracer", "nop");
      await expectSlots(running, patch, "original");
      await running.unwatch();
    },
  );
  return found;
}

const RUNS = (["kpatch", "kgraft"] as const).flatMap((model) =>
  [1, 2, 4].flatMap((cpus) => [
    { model, options: { platform: "stepped", cpus, seed: cpus } as const },
    { model, options: { platform: "threads", debug: true, cpus } as const },
  ]),
);

describe("kernel.ftrace_enabled", () => {
  it("is held by a patch in use, and while it is 0 no patch can be enabled and nothing is traced", async () => {
    const bytes = await patchImage("pair", PAIR);
    await underLoad({ cpus: 2, seed: 6 }, PIPES, async (machine) => {
      const tracing = machine.tracing();
      const patch = await machine.load(bytes, { model: "kgraft" });
      expect((await machine.exec(`echo 0 > ${ENABLED}`)).status).not.toBe(0);
      expect(await machine.read(ENABLED)).toBe("1\n");
      await machine.disable(patch);
      await tracing.write("current_tracer", "function");
      await expectSlots(machine, patch, "trace");
      expect(await machine.exec(`echo 0 > ${ENABLED}`)).toMatchObject({ status: 0 });
      await expectSlots(machine, patch, "original");
      await expect(machine.enable(patch)).rejects.toMatchObject({ message: expect.stringMatching(/EBUSY|another/) });
      expect((await machine.patchStatus(patch)).state).toBe("loaded");
      await machine.exec(`echo 1 > ${ENABLED}`);
      await expectSlots(machine, patch, "trace");
      await machine.enable(patch);
      await tracing.write("current_tracer", "nop");
      await expectSlots(machine, patch, "pair");
    });
  });
});

describe("a function that is traced", () => {
  it.each(RUNS)("can be patched, and one that is patched traced: $model, $options", async ({ model, options }) => {
    expect(await patchTraced(model, options)).toEqual([]);
  });

  it("can begin and cease to be traced while a transition waits for a sleeper", async () => {
    const bytes = await patchImage("nap", NAP);
    await underLoad({ cpus: 2, seed: 5 }, [["sleeper", 1_000_000], ...PIPES], async (machine) => {
      const tracing = machine.tracing();
      await machine.run(0.01);
      const patch = await machine.load(bytes, { model: "kgraft", noWait: true });
      await machine.run(0.01);
      expect(await machine.patchStatus(patch)).toMatchObject({ state: "enabling", remaining: 1 });
      await expectSlots(machine, patch, "stub");
      await tracing.write("set_ftrace_filter", "sys_nanosleep");
      await tracing.write("current_tracer", "function_graph");
      await expectSlots(machine, patch, "trace");
      await tracing.write("current_tracer", "nop");
      await expectSlots(machine, patch, "stub");
      await tracing.write("current_tracer", "function");
      await machine.signalBlockers();
      expect(await machine.patchSettled(patch)).toBe(0);
      await expectSlots(machine, patch, "trace");
      await tracing.write("current_tracer", "nop");
      await expectSlots(machine, patch, "nap");
    });
  });

  it.runIf(process.env["WLP_FULL"])(
    "would be found to lose its patch, if its trace stub went to the original",
    async () => {
      const kernel = await plantedImage("trace-loses-patch");
      const found = await patchTraced("kpatch", { platform: "stepped", cpus: 2, seed: 1 }, kernel);
      expect(found.join()).toMatch(/calls went to the original/);
    },
  );
});
