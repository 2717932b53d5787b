/** Patches that come and go leave nothing behind. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Machine } from "../../host/index.ts";
import { patchImage } from "../patch-image.ts";
import { PAIR } from "./patches.ts";
import { expectSlots, PIPES, underLoad } from "./rig.ts";

const CYCLES = process.env["WLP_FULL"] ? 10_000 : 50;
const PATIENT = { attempts: 1000, retrySeconds: 0.0001 };

let bytes: Uint8Array;
beforeAll(async () => {
  bytes = await patchImage("pair", PAIR, "kernel-debug");
});

/** Loads and unloads once; gives the number and the table index that the patch had. */
async function cycle(machine: Machine, model: "kpatch" | "kgraft"): Promise<{ number: number; firstIndex: number }> {
  const patch = await machine.load(bytes, { model, ...PATIENT });
  await machine.disable(patch, PATIENT);
  await machine.unload(patch);
  await expectSlots(machine, patch, "original");
  return { number: patch.number, firstIndex: patch.firstIndex };
}

describe(`${CYCLES} loads and unloads of each model`, () => {
  it("take the same number and table entries each time, and no memory", { timeout: 2_400_000 }, async () => {
    await underLoad({ platform: "threads", debug: true, cpus: 2 }, PIPES, async (machine) => {
      const first = await cycle(machine, "kpatch");
      for (let i = 0; i < CYCLES; i++) {
        expect(await cycle(machine, "kgraft")).toEqual(first);
        expect(await cycle(machine, "kpatch")).toEqual(first);
      }
    });
  });
});
