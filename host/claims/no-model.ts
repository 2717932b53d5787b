/**
 * Without a model functions change under a task's feet: a trip meets both versions, and a saved frame of one is
 * resumed by the other.
 */
import { checkTrace } from "../check/oracle.ts";
import type { Rule } from "../check/oracle.ts";
import type { LoadedPatch } from "../patch/patcher.ts";
import type { Claim } from "./claim.ts";
import { ASLEEP_IN } from "./rig.ts";
import type { Rig } from "./rig.ts";

const PATCH = "claim-pair";
/** The caller, in which the task sleeps, and the callee, of which it must know the version. */
const PAIR = [ASLEEP_IN, "borrow_page"] as const;

export const noModel: Claim = {
  name: "no-model",
  sentence: "With no model at all a trip meets both versions and a frame is torn; under either model neither happens.",
  source: "LWN, The initial kGraft submission (2014)",
  async run(lab) {
    const note = (did: string, { code, mixed, torn }: Outcome, asClaimed: boolean): void =>
      lab.observe(
        did,
        `mixed trips: ${mixed}; torn frames: ${torn}; the task's call ${code === 0 ? "succeeds" : "fails"}`,
        asClaimed,
      );
    const good = ({ code, mixed, torn }: Outcome): boolean => code === 0 && mixed + torn === 0;

    const none = await lab.machine((rig) => sleepThrough(rig, (machine) => machine.swap(PATCH)));
    const both = `both of ${PAIR.join("() and ")}()`;
    note(`${both} swapped, while a task sleeps between them`, none, none.mixed > 0 && none.torn > 0);
    const forced = await lab.machine((rig) => sleepThrough(rig, byForce));
    note("kpatch, both forced: the same", forced, forced.code !== 0 && forced.mixed > 0 && forced.torn === 0);
    const kgraft = await lab.machine((rig) => sleepThrough(rig, byKgraft));
    note("kGraft: the same", kgraft, good(kgraft));
    const kpatch = await lab.machine((rig) => sleepThrough(rig, byKpatch));
    note("kpatch: the same, not forced", kpatch, good(kpatch));
  },
};

interface Outcome {
  readonly code: number;
  readonly mixed: number;
  readonly torn: number;
}

/** A way to put the patch in; the task is let go on the way, or right after. */
type Way = (rig: Rig) => Promise<LoadedPatch | undefined>;

async function sleepThrough(rig: Rig, way: Way): Promise<Outcome> {
  await rig.watch(...PAIR);
  const pid = await rig.sleep();
  const patch = await way(rig);
  await rig.wake();
  const code = await rig.exitCode(pid);
  const found = patch ? checkTrace(rig.records(), { ...patch, model: "kpatch", rules: ["trip", "frame"] }) : [];
  const count = (rule: Rule): number =>
    found.filter((violation) => violation.rule === rule && violation.who === `task ${pid}`).length;
  return { code, mixed: count("trip"), torn: count("frame") };
}

const byForce: Way = async (rig) => (await rig.kpatch(PATCH, { force: PAIR, attempts: 1 })).patch;

const byKgraft: Way = async (rig) => {
  const patch = await rig.kgraft(PATCH);
  await rig.lastBlocker(patch);
  return patch;
};

const byKpatch: Way = async (rig) => {
  const onRefused = async (_: string, attempt: number): Promise<void> => {
    if (attempt === 1) await rig.wake();
  };
  return (await rig.kpatch(PATCH, { onRefused })).patch;
};
