/** Modules that come and go while transitions begin and end: neither waits for the other for ever. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Machine } from "../../host/index.ts";
import { PAIR } from "../livepatch/patches.ts";
import { moduleImage, modulePatch } from "../module-image.ts";
import { patchImage } from "../patch-image.ts";
import { trial } from "./rig.ts";
import { FIX, HELLO, PROBE } from "./fixes.ts";

const FULL = process.env["WLP_FULL"] !== undefined;
const SEEDS = FULL ? 200 : 5;
const TIMEOUT = FULL ? 900_000 : 120_000;
const ROUNDS = 6;

const RIGS = [
  { platform: "stepped", image: "kernel-stepped" },
  { platform: "threads", image: "kernel-debug" },
] as const;

describe.each(RIGS)("on $platform CPUs", ({ platform, image }) => {
  let probe: Uint8Array;
  let pair: Uint8Array;
  let hello: Uint8Array;
  let fix: Uint8Array;
  /** A patch for a second image takes its time to build. */
  const withOwn = platform === "threads" || FULL;
  beforeAll(async () => {
    probe = await moduleImage(PROBE, image);
    pair = await patchImage("pair", PAIR, image);
    if (!withOwn) return;
    hello = await moduleImage(HELLO, image);
    fix = await modulePatch(HELLO, image, "fix", FIX);
  }, 600_000);

  const seeded = async (work: (machine: Machine) => Promise<void>): Promise<void> => {
    for (let seed = 1; seed <= SEEDS; seed++)
      await trial({ platform, cpus: 2, seed, debug: platform === "threads" }, work);
  };

  it(
    "a module that goes, or whose init_module() fails, and a transition get past each other",
    { timeout: TIMEOUT },
    () =>
      seeded(async (machine) => {
        const patch = await machine.load(pair, { model: "kgraft", noWait: true });
        for (let round = 0; round < ROUNDS; round++) {
          await machine.patchSettled(patch);
          // By the shell what the host's own request must not wait behind.
          const off = machine.exec(`echo 0 > ${patch.path("enabled")}`);
          const failed = await machine.insmod(probe, "mode=2").catch((error: unknown) => error);
          expect(failed).toMatchObject({ code: "MODULE_REFUSED" });
          expect(await off).toMatchObject({ status: 0 });
          await machine.patchSettled(patch);
          await machine.insmod(probe);
          const gone = machine.exec("rmmod probe");
          await machine.enable(patch);
          if ((await gone).status) await machine.rmmod("probe");
        }
        await machine.disable(patch);
        await machine.unload(patch);
      }),
  );

  it.runIf(withOwn)("a module that goes and a transition of its own patch do, too", { timeout: TIMEOUT }, () =>
    seeded(async (machine) => {
      const patch = await machine.load(fix, { model: "kgraft" });
      for (let round = 0; round < ROUNDS; round++) {
        await machine.insmod(hello);
        const gone = machine.exec("rmmod hello");
        await (round & 1 ? machine.enable(patch) : machine.disable(patch));
        if ((await gone).status) await machine.rmmod("hello");
      }
      await machine.disable(patch).catch(() => undefined); // it may be off
      await machine.unload(patch);
    }),
  );
});
