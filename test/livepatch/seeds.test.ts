/** Many schedules of the same transition: the checker must be silent in each. */
import { beforeAll, describe, expect, it } from "vitest";
import { patchImage } from "../patch-image.ts";
import { PAIR } from "./patches.ts";
import { expectSlots, PIPES, slotsOf, traced, underLoad, violations } from "./rig.ts";

const SEEDS = process.env["WLP_FULL"] ? 1000 : 50;
const ATTEMPTS = 100;

let bytes: Uint8Array;
beforeAll(async () => {
  bytes = await patchImage("pair", PAIR);
});

describe.each(["kpatch", "kgraft"] as const)(
  `over ${SEEDS} seeds, a %s patch of two functions of one read()`,
  (model) => {
    it("goes in and out while pipes run, and no trip meets both universes", { timeout: 1_200_000 }, async () => {
      let telling = 0; // seeds in which calls of both versions were seen
      for (let seed = 1; seed <= SEEDS; seed++) {
        const found = await underLoad({ cpus: 2 + (seed % 2), seed }, PIPES, async (machine) => {
          await machine.watch(slotsOf(bytes));
          const enabling = await traced(machine, () => machine.load(bytes, { model, attempts: ATTEMPTS }));
          const patch = enabling.result;
          await expectSlots(machine, patch, "pair");
          const disabling = await traced(machine, () => machine.disable(patch, { attempts: ATTEMPTS }));
          await expectSlots(machine, patch, "original");
          await machine.unwatch();
          expect(enabling.lost + disabling.lost).toBe(0);
          telling += new Set(enabling.calls.map(({ version }) => version)).size - 1;
          await machine.unload(patch);
          return [...violations(enabling, patch), ...violations(disabling, patch)].map(
            (text) => `seed ${seed}: ${text}`,
          );
        });
        expect(found).toEqual([]);
      }
      expect(telling).toBeGreaterThan(SEEDS / 2);
    });
  },
);
