/** Whatever programs ask, with whatever arguments, and whatever they write to the kernel's files: the machine stays healthy. */
import { beforeAll, describe, expect, it } from "vitest";
import { Machine, MachineError } from "../../host/index.ts";
import type { LoadedPatch, MachineOptions } from "../../host/index.ts";
import { PAIR } from "../livepatch/patches.ts";
import { patchImage } from "../patch-image.ts";
import { programsImage } from "../programs-image.ts";

const FULL = process.env["WLP_FULL"] !== undefined;
const SEEDS = FULL ? 300 : 2;
const FUZZERS = 6;
/** Of the machine's time: longer than the calls take that come back at once. */
const ROUND_SECONDS = 0.02;
const PATIENCE = 100;
const SIGKILL = 9;
const TRACING = "/sys/kernel/tracing";

let userImage: Uint8Array;
beforeAll(async () => {
  userImage = await programsImage("test/fuzz/programs/main.ts");
});

type Program = "calls" | "writes";
/** What else happens while the fuzzers run. */
type Meanwhile = (machine: Machine) => Promise<void>;
const passTime: Meanwhile = (machine) => machine.run(ROUND_SECONDS);

/** Lets programs loose several times, takes all away, and says what is wrong with the machine then. */
async function aftermath(
  programs: readonly Program[],
  seed: number,
  options: MachineOptions,
  meanwhile: Meanwhile = passTime,
): Promise<string[]> {
  const machine = await Machine.boot({ memoryMiB: 16, seed, ...options, userImage });
  try {
    const pids: number[] = [];
    for (let n = 0; n < FUZZERS; n++)
      pids.push(await machine.spawn(programs[n % programs.length] ?? "calls", seed * FUZZERS + n));
    await meanwhile(machine);
    for (const pid of pids) {
      await machine.kill(pid, SIGKILL);
      await machine.wait(pid);
    }
    await machine.wait(await machine.spawn("sweep")); // behind them: what they started may start more
    for (let cpu = 1; cpu < (options.cpus ?? 1); cpu++) {
      await machine.setOnline(cpu, true).catch(() => machine.setOnline(cpu, true)); // hotplug/fail lets it fail once
    }
    if ((await machine.read(`${TRACING}/kprobe_events`)) !== "") {
      await machine.write(`${TRACING}/events/kprobes/fuzz/enable`, "0");
      await machine.write(`${TRACING}/kprobe_events`, "");
    }
    for (const tracer of ["function", "nop"]) await machine.write(`${TRACING}/current_tracer`, tracer);
    for (const patch of machine.patches()) await takeOff(machine, patch);
    let found = await machine.audit();
    for (let n = 0; found.length > 0 && n < PATIENCE; n++) {
      await machine.run(ROUND_SECONDS); // init still buries orphans
      found = await machine.audit();
    }
    const leaf = await machine.wait(await machine.spawn("leaf"));
    return leaf === 0 ? found : [...found, `leaf ended with ${leaf}`];
  } catch (error) {
    return [String(error), ...machine.log().slice(-20)];
  } finally {
    await machine.shutdown();
  }
}

describe.each(["calls", "writes"] as const)("random %s leave a healthy machine", (program) => {
  it.each([1, 2, 4])("on %i CPUs with threads of their own", { timeout: 120_000 }, async (cpus) => {
    expect(await aftermath([program], cpus, { cpus, debug: true })).toEqual([]);
  });
  it.each([1, 3])(`on %i stepped CPUs, over ${SEEDS} seeds`, { timeout: 900_000 }, async (cpus) => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const found = await aftermath([program], seed, { platform: "stepped", cpus });
      expect(found.map((line) => `seed ${seed}: ${line}`)).toEqual([]);
    }
  });
});

/** What fuzzers do to a patch, and to who loads it: they write to its files, and move CPUs and time. */
const EXPECTED = new Set(["PATCH_REVERSED", "PATCH_STATE", "PATCH_BUSY", "FUNCTION_IN_USE", "PATCH_IN_USE"]);

async function unlessExpected(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof MachineError) || !EXPECTED.has(error.code)) throw error;
  });
}

/** Off and out, whatever was written to its files. */
async function takeOff(machine: Machine, patch: LoadedPatch): Promise<void> {
  for (let n = 0; n < PATIENCE; n++) {
    await machine.patchSettled(patch);
    if ((await machine.patchStatus(patch)).state === "enabled") await unlessExpected(machine.disable(patch));
    else await unlessExpected(machine.unload(patch));
    if (!machine.patches().includes(patch)) return;
    await machine.run(ROUND_SECONDS);
  }
  throw new Error(`patch ${patch.name} does not go`);
}

describe("patches that come and go among fuzzers leave a healthy machine", () => {
  /** In and out under both models; tasks that sleep for good are signalled, as an administrator would. */
  const patching =
    (bytes: Uint8Array): Meanwhile =>
    async (machine) => {
      for (const model of ["kgraft", "kpatch"] as const) {
        await unlessExpected(machine.load(bytes, { model, noWait: true }));
        for (let n = 0; n < 3; n++) {
          await machine.run(ROUND_SECONDS / 4);
          await machine.signalBlockers();
        }
        for (const patch of machine.patches()) await unlessExpected(machine.disable(patch, { noWait: true }));
        await machine.run(ROUND_SECONDS / 4);
      }
    };

  it("on 2 CPUs with threads of their own", { timeout: 120_000 }, async () => {
    const bytes = await patchImage("pair", PAIR, "kernel-debug");
    expect(await aftermath(["calls", "writes"], 1, { cpus: 2, debug: true }, patching(bytes))).toEqual([]);
  });
  const seeds = SEEDS / 2;
  it(`on 3 stepped CPUs, over ${seeds} seeds`, { timeout: 900_000 }, async () => {
    const bytes = await patchImage("pair", PAIR);
    for (let seed = 1; seed <= seeds; seed++) {
      const found = await aftermath(["calls", "writes"], seed, { platform: "stepped", cpus: 3 }, patching(bytes));
      expect(found.map((line) => `seed ${seed}: ${line}`)).toEqual([]);
    }
  });
});
