/**
 * What the figures are to reach, on two cores, each against something of the same run where that is possible.
 *
 * Contract: `boundOf` gives the bound of a statistic under its circumstances, or nothing: most figures have none.
 * Invariant: a bound is never loosened to fit a figure; a figure that falls short says so.
 */
import type { Statistic } from "./figure.ts";
import type { MetricName } from "./metrics.ts";

export interface Bound {
  readonly atMost: number;
}

interface Row extends Bound {
  readonly metric: MetricName;
  readonly statistic: Statistic;
  /** Circumstances that it is stated for; all without. */
  readonly at?: RegExp;
}

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
  { metric: "stop.commit_of_floor", statistic: "p50", at: STATED_CPUS, atMost: 2 },
  { metric: "stop.commit_of_floor", statistic: "p99", at: STATED_CPUS, atMost: 4 },
  { metric: "stop.standstill_of_floor", statistic: "p50", at: STATED_CPUS, atMost: 2 },
  { metric: "stop.standstill_of_barrier", statistic: "p50", atMost: 3 },
  { metric: "stop.check", statistic: "p50", at: /^10000 tasks$/, atMost: 5 * MS },
  { metric: "graft.gap_of_sham", statistic: "p99", atMost: 1.2 },
  { metric: "graft.over_of_floor", statistic: "p50", atMost: 2 },
  { metric: "patch.enabled", statistic: "p50", at: /^kpatch, 4 CPUs$/, atMost: 10 * MS },
  { metric: "boot.ready", statistic: "p50", at: /^4 CPUs$/, atMost: 500 * MS },
  { metric: "build.cold", statistic: "p50", atMost: 30 * S },
  { metric: "build.patch", statistic: "p50", atMost: 3 * S },
];

export function boundOf(metric: MetricName, at: string, statistic: Statistic): Bound | undefined {
  const row = ROWS.find((one) => one.metric === metric && one.statistic === statistic && (one.at?.test(at) ?? true));
  return row && { atMost: row.atMost };
}
