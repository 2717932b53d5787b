/**
 * Every task that sleeps is inside schedule(), so a stack check never finds it unused.
 */
import type { Claim } from "./claim.ts";
import type { Lab } from "./lab.ts";
import { culprit } from "./rig.ts";
import type { Rig } from "./rig.ts";

const ATTEMPTS = 4;
const PATCH = "claim-schedule";

export const alwaysOnStack: Claim = {
  name: "always-on-stack",
  sentence: "kpatch cannot patch a function that is always on some stack, such as schedule(); kGraft can.",
  source: "LWN 597407, The first kpatch submission (2014)",
  async run(lab) {
    await lab.machine((rig) => byKpatch(lab, rig));
    await lab.machine((rig) => byKgraft(lab, rig));
  },
};

async function byKpatch(lab: Lab, rig: Rig): Promise<void> {
  const { patch, refusals } = await rig.kpatch(PATCH, { attempts: ATTEMPTS });
  lab.observe(
    `kpatch: ${ATTEMPTS} attempts to replace schedule()`,
    `refusals: ${refusals.length}, first because of ${culprit(refusals[0])}`,
    !patch && refusals.length === ATTEMPTS && refusals.every((report) => report.includes("schedule+")),
  );
}

async function byKgraft(lab: Lab, rig: Rig): Promise<void> {
  await rig.machine.spawn("sleeper", rig.pace.napUs, rig.options);
  await rig.watch("schedule");
  const patch = await rig.kgraft(PATCH);
  const done = await rig.completes(patch);
  rig.calls();
  let calls = rig.calls();
  await rig.until(() => (calls = [...calls, ...rig.calls()]).length > 10);
  const fresh = calls.filter(({ version }) => version === PATCH).length;
  lab.observe(
    "kGraft: the same patch on an equal machine",
    `${done ? "everybody moved" : "not finished"}; of ${calls.length} calls afterwards ${fresh} are new`,
    done && fresh > 0 && fresh === calls.length,
  );
}
