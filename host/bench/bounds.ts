/**
 * What the figures are to reach, on two cores, each against something of the same run where that is possible.
 *
 * Contract: `boundOf` gives the bound of a statistic under its circumstances, or nothing: most figures have none.
 * Invariant: a bound is never loosened to fit a figure; a figure that falls short says so.
 */
import type { Statistic } from "./figure.ts";
import type { MetricName } from "./metrics.ts";

export type Bound = { readonly atMost: number } | { readonly atLeast: number };

type Row = Bound & {
  readonly metric: MetricName;
  readonly statistic: Statistic;
  /** Circumstances that it is stated for; all without. */
  readonly at?: RegExp;
};

const MB = 1e6;
const US = 1e3;
const MS = 1e6;
const S = 1e9;
/** Engines before Node 24 look at a table's signature at each call. */
const OLD_ENGINE = Number(process.versions.node.split(".")[0]) < 24;
const STATED_CPUS = /^(2|8|16) CPUs$/;

const ROWS: readonly Row[] = [
  { metric: "call.hooked_of_direct", statistic: "p50", atMost: OLD_ENGINE ? 1.3 : 1.1 },
  { metric: "call.slow_stub_of_hooked", statistic: "p50", atMost: 1.5 },
  { metric: "mixed.hooked_of_unhooked", statistic: "p50", atMost: 1.1 },
  { metric: "syscall.of_plain", statistic: "p50", at: /^getpid, slots and Asyncify$/, atMost: 2 },
  { metric: "syscall.of_plain", statistic: "p50", at: /^pipe, slots and Asyncify$/, atMost: 1.25 },
  { metric: "task.switch", statistic: "p50", atMost: 300 },
  { metric: "pipe.round_trip", statistic: "p50", atMost: 2 * US },
  { metric: "wake.idle", statistic: "p50", atMost: 60 * US },
  { metric: "task.spawn", statistic: "p50", atMost: 20 * US },
  { metric: "task.memory", statistic: "p50", at: /^10000 tasks of one process$/, atMost: 60 * MB },
  { metric: "stop.commit_of_floor", statistic: "p50", at: STATED_CPUS, atMost: 2 },
  { metric: "stop.commit_of_floor", statistic: "p99", at: STATED_CPUS, atMost: 4 },
  { metric: "stop.standstill_of_floor", statistic: "p50", at: STATED_CPUS, atMost: 2 },
  { metric: "stop.standstill_of_barrier", statistic: "p50", atMost: 3 },
  { metric: "stop.check", statistic: "p50", at: /^10000 tasks$/, atMost: 5 * MS },
  { metric: "graft.gap_of_sham", statistic: "p99", atMost: 1.2 },
  { metric: "graft.over_of_floor", statistic: "p50", atMost: 2 },
  { metric: "patch.enabled", statistic: "p50", at: /^kpatch, 4 CPUs$/, atMost: 10 * MS },
  { metric: "scale.mixed_of_two", statistic: "p50", at: /^16 CPUs$/, atLeast: 0.7 },
  { metric: "boot.ready", statistic: "p50", at: /^4 CPUs$/, atMost: 500 * MS },
  { metric: "boot.shell", statistic: "p50", atMost: 700 * MS },
  { metric: "exec.true", statistic: "p50", atMost: 100 * MS },
  { metric: "build.cold", statistic: "p50", atMost: 30 * S },
  { metric: "build.patch", statistic: "p50", atMost: 3 * S },
];

export function boundOf(metric: MetricName, at: string, statistic: Statistic): Bound | undefined {
  const row = ROWS.find((one) => one.metric === metric && one.statistic === statistic && (one.at?.test(at) ?? true));
  if (!row) return undefined;
  return "atMost" in row ? { atMost: row.atMost } : { atLeast: row.atLeast };
}

export function keeps(bound: Bound, value: number): boolean {
  return "atMost" in bound ? value <= bound.atMost : value >= bound.atLeast;
}

/** As in `≤ 1.5`. */
export function boundText(bound: Bound, show: (value: number) => string): string {
  return "atMost" in bound ? `≤ ${show(bound.atMost)}` : `≥ ${show(bound.atLeast)}`;
}
