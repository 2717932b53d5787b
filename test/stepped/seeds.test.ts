import { beforeAll, describe, expect, it } from "vitest";
import { Machine } from "../../host/index.ts";
import { selftestImage } from "../selftest-image.ts";
import { SELFTESTS } from "../selftests.ts";

const SEEDS = process.env["WLP_FULL"] ? 1000 : 12;
const CPUS = 3;
const MEMORY_MIB = 16;
/** Enough for any seed; a test that needs more hangs. */
const STEP_BUDGET = 20_000_000;

let image: { kernel: Uint8Array };
beforeAll(async () => {
  image = await selftestImage({ stepped: true });
});

/** Runs every self-test on one machine; what went wrong, or nothing. */
async function failures(seed: number, kernel: { kernel: Uint8Array }): Promise<string[]> {
  const machine = await Machine.boot({
    platform: "stepped",
    cpus: CPUS,
    memoryMiB: MEMORY_MIB,
    seed,
    image: kernel,
    selftests: true,
    stepBudget: STEP_BUDGET,
  });
  const found: string[] = [];
  for (const [row, sentence] of SELFTESTS.entries()) {
    const result = await machine.selftest(row);
    if (result !== 0) found.push(`seed ${seed}: ${sentence}: ${result}`);
    for (const finding of await machine.audit()) found.push(`seed ${seed}: after "${sentence}": ${finding}`);
  }
  await machine.shutdown();
  return found;
}

describe(`the kernel on ${CPUS} stepped CPUs, over ${SEEDS} seeds`, () => {
  it("passes every self-test and leaves nothing behind", { timeout: 1_800_000 }, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) expect(await failures(seed, image)).toEqual([]);
  });
});
