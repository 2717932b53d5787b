/**
 * What a benchmark is: a row of benches.ts, run with an effort, giving figures.
 *
 * Contract: a bench boots what it needs and leaves nothing running, also when it is aborted. Invariant: what is
 * compared takes turns within one bench, so that what disturbs the computer disturbs both.
 */
import type { Absent, Figure } from "./figure.ts";

export type Reading = Figure | Absent;

/** How much is done. Time limits are per bench; counts are what is wanted within them. */
export interface Effort {
  readonly name: "quick" | "normal" | "full";
  /** Stops, transitions and the like, per circumstance. */
  readonly events: number;
  /** About how long a bench may take. */
  readonly seconds: number;
  /** Turns that the things compared take. */
  readonly rounds: number;
  /** CPU counts that are tried; each bench takes those that it states. */
  readonly mostCpus: number;
  /** Sleeping tasks, the most. */
  readonly mostTasks: number;
}

export const EFFORTS: Readonly<Record<Effort["name"], Effort>> = {
  quick: { name: "quick", events: 4, seconds: 1, rounds: 3, mostCpus: 2, mostTasks: 100 },
  normal: { name: "normal", events: 200, seconds: 50, rounds: 31, mostCpus: 16, mostTasks: 10_000 },
  full: { name: "full", events: 1000, seconds: 600, rounds: 101, mostCpus: 16, mostTasks: 10_000 },
};

export interface Tools {
  readonly signal: AbortSignal;
  /** Progress, for who watches. */
  readonly say: (what: string) => void;
}

/** What happened on one CPU, for the report's timeline; ns from the request. */
export interface Span {
  readonly cpu: number;
  readonly what: string;
  readonly fromNs: number;
  readonly toNs: number;
}

export interface Outcome {
  readonly figures: readonly Reading[];
  /** What one must know to read them: warm-up, what was left out and why. */
  readonly notes: readonly string[];
  /** One switch-over, CPU by CPU. */
  readonly timeline?: { readonly title: string; readonly cpus: number; readonly spans: readonly Span[] };
  /** Work done over time, with the moments of switches; seconds and calls per second. */
  readonly throughput?: {
    readonly title: string;
    readonly points: readonly (readonly [seconds: number, perSecond: number])[];
    readonly switches: readonly number[];
  };
}

export interface Bench {
  readonly name: string;
  readonly summary: string;
  readonly run: (effort: Effort, tools: Tools) => Promise<Outcome>;
}
