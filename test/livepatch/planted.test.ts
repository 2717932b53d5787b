/** Bugs planted in the live patcher: the checker, or what the load itself notices, must find each. */
import { describe, expect, it } from "vitest";
import type { MachineOptions } from "../../host/index.ts";
import { kernelImage, patchImage, plantedImage } from "../patch-image.ts";
import type { Edits, Kernel } from "../patch-image.ts";
import { MOTHERS } from "../user-module.ts";
import { IRQD, PAIR, PULSE, TIMERS } from "./patches.ts";
import { PIPES, slotsOf, traced, underLoad, violations } from "./rig.ts";
import type { Load } from "./rig.ts";

/** Each planted bug builds a kernel of its own: in the full run only. */
const FULL = process.env["WLP_FULL"] !== undefined;

const SEEDS = 100;
const CYCLES = 2;
const CLEAN_SEEDS = 5;
const STEP_BUDGET = 20_000_000;

interface Scenario {
  readonly model: "kpatch" | "kgraft";
  readonly edits: Edits;
  readonly load: Load;
  readonly machine?: MachineOptions;
  readonly deviceHz?: number;
}

/** What is found first with this kernel and seed while the patch goes in and out, if anything. */
async function finding(
  kernel: Kernel,
  { model, edits, load, machine: more, deviceHz = 2000 }: Scenario,
  seed: number,
): Promise<string | undefined> {
  const bytes = await patchImage("fix", edits, kernel);
  const machine = { cpus: 3, seed, image: { kernel: kernel.bytes }, stepBudget: STEP_BUDGET, ...more };
  try {
    return await underLoad(machine, load, async (running) => {
      running.setDeviceHz(deviceHz);
      await running.watch(slotsOf(bytes));
      const enabling = await traced(running, () => running.load(bytes, { model, attempts: 100 }));
      const patch = enabling.result;
      const found = violations(enabling, patch);
      for (let again = 0; again < CYCLES; again++) {
        const disabling = await traced(running, () => running.disable(patch, { attempts: 100 }));
        const anew = await traced(running, () => running.enable(patch, { attempts: 100 }));
        found.push(...violations(disabling, patch), ...violations(anew, patch));
      }
      await running.unwatch();
      const [entries = [], ...others] = await running.slotEntries(patch.slots);
      const apart = others.some((other) => other.join() !== entries.join()) ? "CPUs differ at rest" : undefined;
      return found[0] ?? apart;
    });
  } catch (error) {
    return String(error);
  }
}

async function firstFinding(kernel: Kernel, scenario: Scenario, seeds: number): Promise<string | undefined> {
  for (let seed = 1; seed <= seeds; seed++) {
    const found = await finding(kernel, scenario, seed);
    if (found !== undefined) return `seed ${seed}: ${found}`;
  }
  return undefined;
}

const READS: Scenario = { model: "kgraft", edits: PAIR, load: PIPES };
const STOPS: Scenario = { ...READS, model: "kpatch" };
const THREADS: Scenario = { model: "kgraft", edits: IRQD, load: PIPES };
/** Often enough that interrupts come while tasks move. */
const HANDLERS: Scenario = { model: "kgraft", edits: PULSE, load: PIPES, deviceHz: 50_000 };
/** Tasks are born, and fall asleep, while CPUs still put in their stubs. */
const BIRTHS: Scenario = {
  model: "kgraft",
  edits: TIMERS,
  load: [1, 2, 3, 4].map(() => ["mother", 0]),
  machine: { cpus: 6, userImage: MOTHERS },
};

const PLANTED: readonly { name: string; what: string; scenario: Scenario; says: RegExp }[] = [
  {
    name: "flip-before-stubs",
    what: "tasks move before every CPU has its stubs",
    scenario: READS,
    says: /two universes|moved back/,
  },
  {
    name: "flag-polarity-swapped",
    what: "the flag is read the wrong way round",
    scenario: READS,
    says: /two universes|moved back/,
  },
  {
    name: "side-not-told",
    what: "a CPU gets its stubs and goes on on the side on which it was",
    scenario: READS,
    says: /two universes|moved back/,
  },
  {
    name: "child-born-unmarked",
    what: "a child is born moved while its parent is not",
    scenario: BIRTHS,
    says: /two universes|moved back/,
  },
  { name: "stub-removed-early", what: "a stub goes while a stack still needs it", scenario: THREADS, says: /./ },
  {
    name: "rewind-by-universe",
    what: "a saved frame is resumed in the version of its task's universe",
    scenario: THREADS,
    says: /./,
  },
  {
    name: "entries-changed-late",
    what: "a CPU runs on with its old entries behind the barrier",
    scenario: STOPS,
    says: /made a call of the side that the machine had left|ended a frame in other code/,
  },
  {
    name: "interrupt-in-task-universe",
    what: "an interrupt runs in the universe of the task that it came upon",
    scenario: HANDLERS,
    says: /two universes|moved back/,
  },
];

describe.skipIf(!FULL)("the checker finds a planted bug:", () => {
  for (const { name, what, scenario, says } of PLANTED) {
    it(what, { timeout: 240_000 }, async () => {
      expect(await firstFinding(await plantedImage(name), scenario, SEEDS)).toMatch(says);
    });
  }
});

describe.skipIf(!FULL)("and without a bug it is silent:", () => {
  it.each(Object.entries({ READS, STOPS, THREADS, HANDLERS, BIRTHS }))("%s", async (_name, scenario) => {
    expect(await firstFinding(await kernelImage("kernel-stepped"), scenario, CLEAN_SEEDS)).toBeUndefined();
  });
});
