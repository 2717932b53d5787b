/**
 * Without a model functions change under a task's feet: here both are forced, which takes kpatch's check away.
 */
import { checkTrace } from "../check/oracle.ts";
import type { CheckedPatch, Violation } from "../check/oracle.ts";
import type { LoadedPatch } from "../patch/patcher.ts";
import type { Claim } from "./claim.ts";
import { ASLEEP_IN } from "./rig.ts";
import type { Rig } from "./rig.ts";

const PATCH = "claim-pair";
/** The caller, in which the task sleeps, and the callee, of which it must know the version. */
const PAIR = [ASLEEP_IN, "borrow_page"] as const;

export const noModel: Claim = {
  name: "no-model",
  sentence: "With no model at all a trip meets both versions, and breaks; under either model it does not.",
  source: "LWN, The initial kGraft submission (2014)",
  async run(lab) {
    const note = (did: string, { code, mixed }: Outcome, asClaimed: boolean): void =>
      lab.observe(did, `mixed trips: ${mixed.length}; the task's call ${code === 0 ? "succeeds" : "fails"}`, asClaimed);
    const good = ({ code, mixed }: Outcome): boolean => code === 0 && mixed.length === 0;

    const none = await lab.machine((rig) => sleepThrough(rig, byForce));
    note(
      `both of ${PAIR.join("() and ")}() forced, while a task sleeps between them`,
      none,
      none.code !== 0 && none.mixed.length > 0,
    );
    const kgraft = await lab.machine((rig) => sleepThrough(rig, byKgraft));
    note("kGraft: the same", kgraft, good(kgraft));
    const kpatch = await lab.machine((rig) => sleepThrough(rig, byKpatch));
    note("kpatch: the same, not forced", kpatch, good(kpatch));
  },
};

interface Outcome {
  readonly code: number;
  readonly mixed: readonly Violation[];
}

/** A way to put the patch in; the task is let go on the way, or right after. */
type Way = (rig: Rig) => Promise<LoadedPatch | undefined>;

async function sleepThrough(rig: Rig, way: Way): Promise<Outcome> {
  await rig.watch(...PAIR);
  const pid = await rig.sleep();
  const patch = await way(rig);
  await rig.wake();
  const code = await rig.exitCode(pid);
  const calls = rig.calls().filter(({ task, context }) => context === "task" && task === pid);
  const rules: CheckedPatch["rules"] = ["trip"];
  return { code, mixed: patch ? checkTrace(calls, { ...patch, rules }) : [] };
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
