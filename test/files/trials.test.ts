import { beforeAll, describe, expect, it } from "vitest";
import { Machine } from "../../host/index.ts";
import type { MachineOptions } from "../../host/index.ts";
import { programsImage } from "../programs-image.ts";
import { TRIALS } from "./trials.ts";

const CPUS = process.env["WLP_FULL"] ? [1, 2, 4, 16] : [1, 2, 4];
const SEEDS = process.env["WLP_FULL"] ? 50 : 1;

let userImage: Uint8Array;
beforeAll(async () => {
  userImage = await programsImage("test/files/programs/main.ts");
});

/** Runs every trial on one machine; what went wrong. */
async function disappointments(options: MachineOptions): Promise<string[]> {
  const machine = await Machine.boot({ memoryMiB: 32, ...options, userImage });
  const found: string[] = [];
  for (const { program, sentence } of TRIALS) {
    const status = await machine.wait(await machine.spawn(program));
    if (status !== 0) found.push(`${program} ended with ${status >> 8}/${status & 127}: not so: ${sentence}`);
    for (const finding of await machine.audit()) found.push(`after ${program}: ${finding}`);
  }
  await machine.shutdown();
  return found;
}

describe("every promise of files holds, and leaves nothing behind,", () => {
  for (const cpus of CPUS) {
    it(`on ${cpus} CPUs with threads of their own`, async () => {
      expect(await disappointments({ cpus, debug: true })).toEqual([]);
    });
    it(`on ${cpus} stepped CPUs, over ${SEEDS} seeds`, { timeout: 600_000 }, async () => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const found = await disappointments({ platform: "stepped", cpus, seed });
        expect(found.map((line) => `seed ${seed}: ${line}`)).toEqual([]);
      }
    });
  }
});
