/** The whole of the kernel log for a patch's life, under each model. */
import { beforeAll, describe, expect, it } from "vitest";
import { Machine } from "../../host/index.ts";
import type { LoadedPatch } from "../../host/index.ts";
import { patchImage } from "../patch-image.ts";
import { PAIR } from "./patches.ts";
import { expectSlots, patchLog, PIPES, underLoad } from "./rig.ts";

let bytes: Uint8Array;
beforeAll(async () => {
  bytes = await patchImage("pair", PAIR);
});

/** Load, disable, enable, disable, unload; the states on the way. */
async function live(machine: Machine, model: "kpatch" | "kgraft"): Promise<string[]> {
  const states: string[] = [];
  const note = async (patch: LoadedPatch): Promise<void> => {
    states.push((await machine.patchStatus(patch)).state);
    await expectSlots(machine, patch, states.at(-1) === "enabled" ? "pair" : "original");
  };
  const patch = await machine.load(bytes, { model });
  await note(patch);
  await machine.disable(patch);
  await note(patch);
  await machine.enable(patch);
  await note(patch);
  await machine.disable(patch);
  await machine.unload(patch);
  await note(patch);
  expect(machine.patches()).toEqual([]);
  return states;
}

const TRANSCRIPTS = {
  kpatch: [
    "kpatch: loaded patch module 'pair'",
    "kpatch: enabled patch module 'pair'",
    "kpatch: disabled patch module 'pair'",
    "kpatch: enabled patch module 'pair'",
    "kpatch: disabled patch module 'pair'",
    "kpatch: unloaded patch module 'pair'",
  ],
  kgraft: [
    "kgr: loaded patch module 'pair'",
    "kgr: patching in progress 'pair'",
    "kgr: succeeded 'pair'",
    "kgr: reverting in progress 'pair'",
    "kgr: reverted 'pair'",
    "kgr: patching in progress 'pair'",
    "kgr: succeeded 'pair'",
    "kgr: reverting in progress 'pair'",
    "kgr: reverted 'pair'",
    "kgr: unloaded patch module 'pair'",
  ],
};

describe.each(["kpatch", "kgraft"] as const)("a %s patch's life", (model) => {
  it("is told by the kernel log to the letter, and by state and slots at each rest", async () => {
    const told = await underLoad({ cpus: 2, seed: 3 }, PIPES, async (machine) => {
      expect(await live(machine, model)).toEqual(["enabled", "loaded", "enabled", "none"]);
      return patchLog(machine);
    });
    expect(told).toEqual(TRANSCRIPTS[model]);
  });

  it("is the same, times included, when its seed is", async () => {
    const log = (): Promise<string[]> =>
      underLoad({ cpus: 3, seed: 11 }, PIPES, async (machine) => {
        await live(machine, model);
        return machine.log();
      });
    expect(await log()).toEqual(await log());
  });
});
