/** CPUs come and go while patches go in and out: nobody meets two universes, and every CPU that is there has every entry. */
import { describe, expect, it } from "vitest";
import { Machine } from "../../host/index.ts";
import type { CallRecord, MachineOptions } from "../../host/index.ts";
import { IRQD, PAIR, PULSE, SLEEPY, TIMERS } from "../livepatch/patches.ts";
import { expectSlots, FULL, PIPES, slotsOf, traced, underLoad, violations } from "../livepatch/rig.ts";
import type { Load } from "../livepatch/rig.ts";
import { kernelImage, patchImage, plantedImage } from "../patch-image.ts";
import type { Edits, Kernel } from "../patch-image.ts";
import { MOTHERS } from "../user-module.ts";
import { duringChurn } from "./churn.ts";

/** Each planted bug builds a kernel of its own: in the full run only. */
const PLANTED = process.env["WLP_FULL"] !== undefined;

const SEEDS = process.env["WLP_FULL"] ? 200 : 1;
const PLANTED_SEEDS = 60;
const STEP_BUDGET = 20_000_000;
const ATTEMPTS = 200;
const CYCLES = 2;
const PULSES_PER_SECOND = 2000;
const THREAD_ROUNDS = process.env["WLP_FULL"] ? 50 : 5;
const NAPPERS = 6;
const NAP_NS = 3_000_000;

/** What other tests have built, by the names that it has there. */
const NAMES: ReadonlyMap<Edits, string> = new Map([
  [PAIR, "pair"],
  [PULSE, "pulse"],
  [IRQD, "irqd"],
]);

interface Scenario {
  readonly model: "kpatch" | "kgraft";
  readonly edits: Edits;
  readonly load: Load;
}

const READS: Scenario = { model: "kgraft", edits: PAIR, load: PIPES };
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "kpatch, two functions of a read()": { model: "kpatch", edits: PAIR, load: PIPES },
  "kGraft, two functions of a read()": READS,
  "kGraft, a function that tasks sleep in": { model: "kgraft", edits: SLEEPY, load: PIPES },
  "kGraft, a kernel thread's loop": { model: "kgraft", edits: IRQD, load: PIPES },
  "kGraft, timers": { model: "kgraft", edits: TIMERS, load: FULL },
  "kGraft, handlers": { model: "kgraft", edits: PULSE, load: PIPES },
  "kpatch, handlers": { model: "kpatch", edits: PULSE, load: FULL },
};

/** What is wrong after the patch went in and out under churn, if anything. */
async function finding(
  kernel: Kernel,
  { model, edits, load }: Scenario,
  options: MachineOptions & { seed: number },
): Promise<string | undefined> {
  const bytes = await patchImage(NAMES.get(edits) ?? "fix", edits, kernel);
  const found: string[] = [];
  let changes = 0;
  const step = async (machine: Machine, name: string, work: () => Promise<unknown>): Promise<CallRecord[]> => {
    const part = await duringChurn(machine, options.seed, () => traced(machine, work));
    changes += part.changes;
    const [patch] = machine.patches();
    if (patch) found.push(...violations(part.result, patch));
    const [entries = [], ...others] = await machine.slotEntries(patch?.slots ?? []);
    if (others.some((other) => other.join() !== entries.join())) found.push(`after ${name} CPUs differ at rest`);
    return [...part.result.records];
  };
  try {
    await underLoad({ ...options, image: { kernel: kernel.bytes }, stepBudget: STEP_BUDGET }, load, async (machine) => {
      machine.setDeviceHz(PULSES_PER_SECOND);
      await machine.watch(slotsOf(bytes));
      await step(machine, "load", () => machine.load(bytes, { model, attempts: ATTEMPTS }));
      for (const patch of machine.patches()) {
        for (let cycle = 0; cycle < CYCLES; cycle++) {
          await step(machine, "disable", () => machine.disable(patch, { attempts: ATTEMPTS }));
          await step(machine, "enable", () => machine.enable(patch, { attempts: ATTEMPTS }));
        }
      }
      await machine.unwatch();
    });
  } catch (error) {
    found.push(String(error));
  }
  if (changes === 0) found.push("no CPU came or went");
  return found[0];
}

async function firstFinding(kernel: Kernel, scenario: Scenario, seeds: number): Promise<string | undefined> {
  for (let seed = 1; seed <= seeds; seed++) {
    const found = await finding(kernel, scenario, { cpus: 2 + (seed % 3), seed });
    if (found !== undefined) return `seed ${seed}: ${found}`;
  }
  return undefined;
}

describe(`over ${SEEDS} seeds, while CPUs come and go, a patch goes in and out:`, () => {
  it.each(Object.entries(SCENARIOS))("%s", { timeout: 900_000 }, async (_name, scenario) => {
    expect(await firstFinding(await kernelImage("kernel-stepped"), scenario, SEEDS)).toBeUndefined();
  });
});

describe("on threads, while CPUs come and go under load,", () => {
  it.each(["kpatch", "kgraft"] as const)("a %s patch goes in and out", { timeout: 120_000 }, async (model) => {
    const bytes = await patchImage("pair", PAIR, "kernel-debug");
    await underLoad({ platform: "threads", cpus: 4, debug: true, memoryMiB: 32 }, FULL, async (machine) => {
      machine.setDeviceHz(PULSES_PER_SECOND);
      await machine.watch(slotsOf(bytes));
      for (let seed = 1; seed <= THREAD_ROUNDS; seed++) {
        const { result: patch, changes } = await duringChurn(machine, seed, () =>
          machine.load(bytes, { model, attempts: ATTEMPTS }),
        );
        expect(changes).toBeGreaterThan(0);
        await expectSlots(machine, patch, "pair");
        await duringChurn(machine, seed, () => machine.disable(patch, { attempts: ATTEMPTS }));
        await expectSlots(machine, patch, "original");
        await machine.unload(patch);
      }
      await machine.unwatch();
    });
  });
});

/** Programs sleep on every CPU, and all but one go: what is wrong with that, if anything. */
async function nappers(kernel: Kernel, seed: number): Promise<string | undefined> {
  const options: MachineOptions = { platform: "stepped", cpus: 3, memoryMiB: 16, seed, userImage: MOTHERS };
  const machine = await Machine.boot({ ...options, image: { kernel: kernel.bytes }, stepBudget: STEP_BUDGET });
  try {
    const pids: number[] = [];
    for (let n = 0; n < NAPPERS; n++) pids.push(await machine.spawn("napper", NAP_NS));
    for (const cpu of [1, 2]) await machine.setOnline(cpu, false);
    for (const pid of pids) if ((await machine.wait(pid)) !== 0) return "a napper failed";
    return (await machine.audit())[0];
  } catch (error) {
    return String(error);
  } finally {
    await machine.shutdown();
  }
}

it(`whoever sleeps on a CPU that goes wakes up all the same, over ${SEEDS} seeds`, async () => {
  const kernel = await kernelImage("kernel-stepped");
  for (let seed = 1; seed <= SEEDS; seed++) expect(await nappers(kernel, seed), `seed ${seed}`).toBeUndefined();
});

describe.skipIf(!PLANTED)("a planted bug is found:", { timeout: 300_000 }, () => {
  it("a CPU comes without the entries that the others have", async () => {
    expect(await firstFinding(await plantedImage("entries-not-adopted"), READS, PLANTED_SEEDS)).toBeDefined();
  });

  it("timers of a CPU that went never fire", async () => {
    const kernel = await plantedImage("timers-left-behind");
    let found: string | undefined;
    for (let seed = 1; seed <= PLANTED_SEEDS && !found; seed++) found = await nappers(kernel, seed);
    expect(found).toMatch(/DEADLOCK/);
  });
});
