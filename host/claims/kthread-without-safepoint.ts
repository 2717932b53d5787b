/**
 * A kernel thread has no user code to return to: one that never asks kthread_should_stop() never moves.
 */
import type { Claim } from "./claim.ts";
import type { Lab } from "./lab.ts";
import { culprit } from "./rig.ts";
import type { Rig } from "./rig.ts";

const THREAD = "dozer";
const PATCH = "claim-callback";

export const kthreadWithoutSafepoint: Claim = {
  name: "kthread-without-safepoint",
  sentence: "A kernel thread that never passes a safe point stalls kGraft; kpatch does not need it to.",
  source: "LWN, The initial kGraft submission; kpatch core module v2 (2014)",
  async run(lab) {
    await lab.machine((rig) => byKgraft(lab, rig));
    await lab.machine((rig) => byKpatch(lab, rig));
  },
};

/** Starts the thread. */
async function doze(rig: Rig): Promise<void> {
  await rig.kpatch("claim-kthread");
}

async function byKgraft(lab: Lab, rig: Rig): Promise<void> {
  await doze(rig);
  const patch = await rig.kgraft(PATCH);
  const blocker = await rig.lastBlocker(patch);
  const poked = await rig.machine.signalBlockers(rig.options);
  const stalls = await rig.stalls(patch);
  lab.observe(
    `kGraft patch, while kernel thread ${THREAD} runs, whose loop has no safe point`,
    `${stalls ? "stalls" : "does not stall"}; who has not moved: ${culprit(blocker)}; tasks that a signal reaches: ${poked}`,
    stalls && poked === 0 && blocker.includes(`Comm: ${THREAD}\n`),
  );
}

async function byKpatch(lab: Lab, rig: Rig): Promise<void> {
  await doze(rig);
  const { patch, refusals } = await rig.kpatch(PATCH);
  lab.observe(
    "kpatch: the same on an equal machine",
    patch ? `in, refusals: ${refusals.length}` : "refused",
    patch !== undefined,
  );
}
