/** Transitions turned around, or forced, while everything else goes on, with the checker on. */
import { beforeAll, describe, expect, it } from "vitest";
import type { LoadedPatch, Machine, MachineOptions } from "../../host/index.ts";
import { patchImage } from "../patch-image.ts";
import type { ImageName } from "../patch-image.ts";
import { PAIR } from "./patches.ts";
import { expectSlots, FULL, slotsOf, traced, underLoad, violations } from "./rig.ts";
import type { Load } from "./rig.ts";

const TURNS = 12;
const SEEDS = process.env["WLP_FULL"] ? 50 : 2;
/** One who does not move by himself, once he sleeps: no transition ends before it is forced. */
const STAYS: Load[number] = ["sleeper", 100_000_000];
const ASLEEP_SECONDS = 0.02;
const PAUSE = { stepped: 0.00002, threads: 0.0005 };

const RUNS: readonly { platform: "threads" | "stepped"; image: ImageName; runs: readonly MachineOptions[] }[] = [
  { platform: "stepped", image: "kernel-stepped", runs: Array.from({ length: SEEDS }, (_, seed) => ({ seed })) },
  { platform: "threads", image: "kernel-debug", runs: [{ debug: true }] },
];

/** Writes the other value again and again; how often that met a transition under way. */
async function turn(machine: Machine, patch: LoadedPatch, pause: number): Promise<number> {
  let met = 0;
  for (let turns = 0; turns < TURNS; turns++) {
    const { state } = await machine.patchStatus(patch);
    if (state === "loaded") await machine.enable(patch, { noWait: true });
    else {
      if (state === "enabling" || state === "disabling") met++;
      const next = state === "enabling" || state === "enabled" ? "0" : "1";
      // It may have ended meanwhile: then it is off, and has no files any more.
      await machine.write(patch.path("enabled"), next).catch(() => undefined);
    }
    await machine.run(pause);
  }
  return met;
}

describe.each(RUNS)("under full load on $platform CPUs", ({ platform, image, runs }) => {
  let bytes: Uint8Array;
  beforeAll(async () => {
    bytes = await patchImage("pair", PAIR, image);
  });

  it("every trip stays in one universe, however often the transition is turned around", async () => {
    let met = 0;
    for (const run of runs) {
      await underLoad({ platform, cpus: 4, memoryMiB: 32, ...run }, FULL, async (machine) => {
        await machine.watch(slotsOf(bytes));
        const turned = await traced(machine, async () => {
          const patch = await machine.load(bytes, { model: "kgraft", noWait: true });
          met += await turn(machine, patch, PAUSE[platform]);
          await machine.patchSettled(patch);
          return patch;
        });
        // A task may move back, as it is told; but between trips, and never within a frame.
        const rules = ["trip", "frame"] as const;
        expect(turned.records.length).toBeGreaterThan(0);
        expect(violations(turned, { ...turned.result, rules })).toEqual([]);
        const { state } = await machine.patchStatus(turned.result);
        await expectSlots(machine, turned.result, state === "enabled" ? "pair" : "original");
        await machine.unwatch();
      });
    }
    expect(met).toBeGreaterThan(0);
  });

  it("a transition that is forced ends at once, and every frame goes on in the version that made it", async () => {
    for (const run of runs) {
      await underLoad({ platform, cpus: 4, memoryMiB: 32, ...run }, [...FULL, STAYS], async (machine) => {
        await machine.run(ASLEEP_SECONDS);
        await machine.watch(slotsOf(bytes));
        const forced = await traced(machine, async () => {
          const patch = await machine.load(bytes, { model: "kgraft", noWait: true });
          await machine.write(patch.path("force"), "1");
          expect(await machine.patchSettled(patch)).toBe(0);
          return patch;
        });
        expect(violations(forced, { ...forced.result, rules: ["frame"] })).toEqual([]);
        await expectSlots(machine, forced.result, "pair");
        await machine.unwatch();
      });
    }
  });
});
