/**
 * What a claim is: a sentence of the documents that started live patching, and an experiment that can refute it.
 *
 * Contract: an experiment notes what it did, what was seen, and whether that is what the sentence says. It waits on
 * conditions, never on time. Invariant: a claim is confirmed only by at least one observation, all of them as claimed.
 */
import type { Lab } from "./lab.ts";

export interface Claim {
  readonly name: string;
  readonly sentence: string;
  /** Which document says so. */
  readonly source: string;
  readonly run: (lab: Lab) => Promise<void>;
}

export interface Observation {
  readonly did: string;
  readonly seen: string;
  readonly asClaimed: boolean;
}

export interface ClaimReport {
  readonly name: string;
  readonly sentence: string;
  readonly source: string;
  readonly machine: { readonly platform: string; readonly cpus: number; readonly seed: number };
  readonly observations: readonly Observation[];
  readonly verdict: "confirmed" | "refuted";
}
