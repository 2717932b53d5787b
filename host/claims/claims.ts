/**
 * The table of claims, and what runs them.
 *
 * Contract: a name, or `all`; each claim has a lab of its own. A claim that nobody knows is refused with the list.
 */
import type { CallOptions } from "../abort.ts";
import { MachineError } from "../errors.ts";
import { alwaysOnStack } from "./always-on-stack.ts";
import type { Claim, ClaimReport } from "./claim.ts";
import { dataSemantics } from "./data-semantics.ts";
import { forceUnsafe } from "./force-unsafe.ts";
import { interruptOneVersion } from "./interrupt-one-version.ts";
import { kthreadWithoutSafepoint } from "./kthread-without-safepoint.ts";
import { Lab } from "./lab.ts";
import type { LabOptions } from "./lab.ts";
import { neverLeaves } from "./never-leaves.ts";
import { noModel } from "./no-model.ts";
import { storedCallback } from "./stored-callback.ts";

export const CLAIMS: readonly Claim[] = [
  alwaysOnStack,
  neverLeaves,
  kthreadWithoutSafepoint,
  interruptOneVersion,
  storedCallback,
  dataSemantics,
  forceUnsafe,
  noModel,
];

/** The claims that `name` stands for. */
export function findClaims(name: string): readonly Claim[] {
  const found = name === "all" ? CLAIMS : CLAIMS.filter((claim) => claim.name === name);
  if (found.length > 0) return found;
  throw new MachineError(
    "BAD_OPTION",
    `there is no claim ${name}`,
    `Give --claim as all, or one of ${CLAIMS.map((claim) => claim.name).join(", ")}.`,
  );
}

export async function runClaim(claim: Claim, lab: LabOptions, options: CallOptions): Promise<ClaimReport> {
  const { name, sentence, source, run } = claim;
  const place = await Lab.open(lab, options);
  await run(place);
  const observations = place.observations();
  const confirmed = observations.length > 0 && observations.every(({ asClaimed }) => asClaimed);
  const { platform, cpus, seed } = place.settings;
  return {
    name,
    sentence,
    source,
    machine: { platform, cpus, seed },
    observations,
    verdict: confirmed ? "confirmed" : "refuted",
  };
}
