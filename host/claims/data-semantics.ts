/**
 * A change of what data mean: writer and reader must change at once, or the reader must know both meanings.
 */
import type { Claim } from "./claim.ts";
import type { Lab } from "./lab.ts";
import { CONTENTS, FILE } from "./rig.ts";
import type { Rig } from "./rig.ts";

const CHANGE = "claim-data";
const BAND_AID = "claim-bandaid";

export const dataSemantics: Claim = {
  name: "data-semantics",
  sentence:
    "A change of data semantics is safe under kpatch with a hook that converts, torn under kGraft, and a band-aid that reads both formats mends it.",
  source: "kpatch core module v2; LWN 597407; J. Kosina, lkml (2014)",
  async run(lab) {
    await lab.machine((rig) => byKpatch(lab, rig));
    await lab.machine(async (rig) => {
      const code = await oldReader(rig, CHANGE);
      lab.observe(
        "kGraft: a new task writes a file's size, a task in old code reads it",
        code === 0 ? "the old reader gets its bytes" : `torn: the old reader gets none, exit code ${code}`,
        code === 1,
      );
    });
    await lab.machine(async (rig) => {
      const code = await oldReader(rig, BAND_AID);
      const text = await rig.machine.read(FILE, rig.options);
      lab.observe(
        "kGraft: the same with the band-aid, which writes the format that it found",
        `the old reader ${code === 0 ? "gets its bytes" : "fails"}, a new one reads ${text}`,
        code === 0 && text === CONTENTS,
      );
    });
  },
};

async function byKpatch(lab: Lab, rig: Rig): Promise<void> {
  const pid = await rig.sleep();
  const { patch, refusals } = await rig.kpatch(CHANGE, {
    onRefused: async (_, attempt) => {
      if (attempt === 1) await rig.wake();
    },
  });
  const code = await rig.exitCode(pid);
  const kept = await rig.machine.read(FILE, rig.options);
  await rig.run("vault");
  const written = await rig.machine.read(FILE, rig.options);
  lab.observe(
    "kpatch: the sizes change their format while a task sleeps in a reader",
    `refusals: ${refusals.length}, then in; the reader's exit code ${code}; an old file reads ${kept}, a new one ${written}`,
    patch !== undefined && refusals.length > 0 && code === 0 && kept === CONTENTS && written === CONTENTS,
  );
}

/** Exit code of a task that slept in old code while one in new code wrote the file that it reads. */
async function oldReader(rig: Rig, name: string): Promise<number> {
  const pid = await rig.sleep();
  const patch = await rig.kgraft(name);
  await rig.lastBlocker(patch);
  await rig.run("vault");
  await rig.wake();
  const code = await rig.exitCode(pid);
  await rig.completes(patch);
  return code;
}
