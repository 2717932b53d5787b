import { beforeAll, describe, expect, it } from "vitest";
import { Machine } from "../../host/index.ts";
import { selftestImage } from "../selftest-image.ts";
import { SELFTESTS } from "../selftests.ts";

/** Each planted bug builds a kernel of its own: in the full run only. */
const FULL = process.env["WLP_FULL"] !== undefined;

const SEEDS = 200;
const STEP_BUDGET = 5_000_000;

/** The first thing that goes wrong on a machine with this image and seed: what the checks say. */
async function firstFailure(
  seed: number,
  image: { kernel: Uint8Array },
  more: (machine: Machine) => Promise<void>,
): Promise<string | undefined> {
  let machine: Machine | undefined;
  try {
    machine = await Machine.boot({
      platform: "stepped",
      cpus: 3,
      memoryMiB: 16,
      seed,
      image,
      selftests: true,
      stepBudget: STEP_BUDGET,
    });
    for (const [row, sentence] of SELFTESTS.entries()) {
      const result = await machine.selftest(row);
      if (result !== 0) return `${sentence}: ${result}`;
      const [finding] = await machine.audit();
      if (finding) return `after "${sentence}": ${finding}`;
    }
    await more(machine);
    return undefined;
  } catch (error) {
    return String(error);
  } finally {
    await machine?.shutdown();
  }
}

const PLANTED = [
  { name: "on-cpu-cleared-early", what: "on_cpu is cleared before the stack is saved" },
  { name: "lock-released-early", what: "a lock is released before the work under it is done" },
  { name: "wake-up-before-sleep", what: "a sleeper does not look at its condition again after it queued itself" },
  { name: "sleep-in-atomic-context", what: "a function sleeps with a spin lock held" },
  { name: "rounds-ignore-hotplug", what: "a CPU goes in the middle of a round over all" },
  { name: "mutex-wake-up-kept", what: "a waiter that gives up keeps the wake-up that came for it" },
  { name: "locks-in-either-order", what: "a pipe's locks are taken in either order" },
  { name: "grace-period-ends-early", what: "a CPU that is in the middle of a reader counts as outside" },
  { name: "stack-end-unchecked", what: "a saved stack grows over its end" },
];

/** Recurses deeper than a saved stack goes, and sleeps there; what it runs over is looked at afterwards. */
async function overflow(machine: Machine): Promise<void> {
  await machine.wait(await machine.spawn("deep", 2000));
  const [finding] = await machine.audit();
  if (finding) throw new Error(finding);
}

describe.skipIf(!FULL)("the checks find a planted bug:", () => {
  for (const { name, what } of PLANTED) {
    it(what, { timeout: 120_000 }, async () => {
      const image = await selftestImage({ stepped: true, planted: name });
      let found: string | undefined;
      for (let seed = 1; seed <= SEEDS && !found; seed++) found = await firstFailure(seed, image, overflow);
      expect(found, `${SEEDS} seeds did not show it`).toBeDefined();
    });
  }

  describe("and nothing else:", () => {
    let image: { kernel: Uint8Array };
    beforeAll(async () => {
      image = await selftestImage({ stepped: true });
    });
    it("without one, the same checks are silent", async () => {
      for (let seed = 1; seed <= 5; seed++) expect(await firstFailure(seed, image, overflow)).toBeUndefined();
    });
  });
});
