/** Both models while everything else goes on, with the checker on: real threads and stepped, few and many CPUs. */
import { beforeAll, describe, expect, it } from "vitest";
import type { MachineOptions } from "../../host/index.ts";
import { patchImage } from "../patch-image.ts";
import type { ImageName } from "../patch-image.ts";
import { PAIR } from "./patches.ts";
import { expectSlots, FULL, slotsOf, traced, underLoad, violations } from "./rig.ts";
import type { Load } from "./rig.ts";

const CPUS = [1, 2, 4, 16];
const DEVICE_HZ = 500;
const ATTEMPTS = 200;

const PLATFORMS: readonly { platform: "threads" | "stepped"; image: ImageName; machine: MachineOptions }[] = [
  { platform: "stepped", image: "kernel-stepped", machine: { platform: "stepped", seed: 17 } },
  { platform: "threads", image: "kernel-debug", machine: { platform: "threads", debug: true } },
];

describe.each(PLATFORMS)("under full load on $platform CPUs", ({ image, machine: options }) => {
  let bytes: Uint8Array;
  beforeAll(async () => {
    bytes = await patchImage("pair", PAIR, image);
  });

  for (const model of ["kpatch", "kgraft"] as const) {
    it.each(CPUS)(`a ${model} patch goes in and out on %i of them, and the load goes on`, async (cpus) => {
      const load: Load = [...FULL, ...FULL];
      await underLoad({ ...options, cpus, memoryMiB: 32 }, load, async (machine) => {
        machine.setDeviceHz(DEVICE_HZ);
        const slots = slotsOf(bytes);
        await machine.watch(slots);
        const enabling = await traced(machine, () => machine.load(bytes, { model, attempts: ATTEMPTS }));
        const patch = enabling.result;
        await expectSlots(machine, patch, "pair");
        const disabling = await traced(machine, () => machine.disable(patch, { attempts: ATTEMPTS }));
        await expectSlots(machine, patch, "original");
        expect(violations(enabling, patch)).toEqual([]);
        expect(violations(disabling, patch)).toEqual([]);
        await machine.unwatch();
        const before = machine.counters().total.syscalls;
        while (machine.counters().total.syscalls < before + 100) await machine.run(0.001);
      });
    });
  }
});
