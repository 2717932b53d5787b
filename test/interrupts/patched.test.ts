/** Handlers run patched functions: an interrupt, and the softirq behind it, see one version each. */
import { beforeAll, describe, expect, it } from "vitest";
import type { CallRecord } from "../../host/index.ts";
import { PULSE } from "../livepatch/patches.ts";
import { expectSlots, PIPES, slotsOf, traced, underLoad, violations } from "../livepatch/rig.ts";
import { patchImage } from "../patch-image.ts";

const SEEDS = process.env["WLP_FULL"] ? 200 : 4;
const CPUS = [1, 2, 4];
const ATTEMPTS = 100;
const PULSES_PER_SECOND = 5000;
/** Machine time in which each CPU gets some pulses of the version at rest. */
const REST_SECONDS = 0.002;

let bytes: Uint8Array;
beforeAll(async () => {
  bytes = await patchImage("pulse", PULSE);
});

/** Versions of a function that interrupts called. */
const versions = (calls: readonly CallRecord[], name: string): string[] => [
  ...new Set(calls.filter((call) => call.name === name && call.context === "interrupt").map(({ version }) => version)),
];

describe.each(["kpatch", "kgraft"] as const)("a %s patch of a line's handler and its tasklet", (model) => {
  it.each(CPUS)(
    `goes in and out on %i CPUs under a stream of interrupts, over ${SEEDS} seeds, and none sees both`,
    { timeout: 600_000 },
    async (cpus) => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const found = await underLoad({ cpus, seed }, PIPES, async (machine) => {
          machine.setDeviceHz(PULSES_PER_SECOND);
          await machine.watch(slotsOf(bytes));
          const enabling = await traced(machine, async () => {
            await machine.run(REST_SECONDS);
            const patch = await machine.load(bytes, { model, attempts: ATTEMPTS });
            await machine.run(REST_SECONDS);
            return patch;
          });
          const patch = enabling.result;
          await expectSlots(machine, patch, "pulse");
          const disabling = await traced(machine, () => machine.disable(patch, { attempts: ATTEMPTS }));
          await machine.unwatch();
          for (const name of ["pulse_interrupt", "note_pulse", "pulse_tasklet", "wake_irqd"])
            expect(versions(enabling.calls, name).toSorted()).toEqual(["original", "pulse"]);
          await machine.unload(patch);
          return [...violations(enabling, patch), ...violations(disabling, patch)];
        });
        expect(found.map((text) => `seed ${seed}: ${text}`)).toEqual([]);
      }
    },
  );
});
