/**
 * A figure: what was measured, how often, how sure it is, and whether it keeps its bound.
 *
 * Contract: `metric` is a row of metrics.ts; `at` says under which circumstances (`8 CPUs`). A few samples are kept as
 * they are; many become a HdrHistogram, three digits, base64. Invariant: a figure without samples is absent, with the
 * reason, and never zero.
 */
import { build, encodeIntoCompressedBase64 } from "hdr-histogram-js";
import { boundOf, keeps } from "./bounds.ts";
import type { Bound } from "./bounds.ts";
import type { MetricName, Unit } from "./metrics.ts";
import { METRICS } from "./metrics.ts";
import { interval, percentile, ratioInterval, sorted } from "./statistics.ts";
import type { Interval } from "./statistics.ts";

export type Statistic = "p50" | "p99";
const PARTS: Readonly<Record<Statistic, number>> = { p50: 0.5, p99: 0.99 };

export interface Figure {
  readonly metric: MetricName;
  readonly at: string;
  readonly unit: Unit;
  /** Which statistic `value` is. */
  readonly statistic: Statistic;
  readonly value: number;
  /** 95 % of `value`. */
  readonly interval: Interval;
  readonly n: number;
  /** Absent in a quotient of two other figures. */
  readonly spread?: { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number };
  readonly samples?: readonly number[];
  readonly histogram?: string;
  readonly bound?: Bound;
  /** Whether `value` keeps the bound. */
  readonly met?: boolean;
}

export interface Absent {
  readonly metric: MetricName;
  readonly at: string;
  readonly absent: string;
}

/** More samples than this become a histogram. */
const KEPT_SAMPLES = 1000;
/** A histogram counts whole numbers: thousandths of the metric's unit. */
export const HISTOGRAM_SCALE = 1000;
/** Significant ones, of a histogram. */
const DIGITS = 3;

/** A figure of one kind of samples, in the metric's unit. */
export function figure(metric: MetricName, at: string, samples: readonly number[]): Figure | Absent {
  if (samples.length === 0) return { metric, at, absent: "no samples" };
  const ascending = sorted(samples);
  const at99 = percentile(ascending, 0.99);
  const spread = {
    p50: percentile(ascending, 0.5),
    p90: percentile(ascending, 0.9),
    p99: at99,
    max: percentile(ascending, 1),
  };
  return {
    metric,
    at,
    unit: METRICS[metric].unit,
    statistic: "p50",
    value: spread.p50,
    interval: interval(samples, PARTS.p50),
    n: samples.length,
    spread,
    ...(samples.length > KEPT_SAMPLES ? { histogram: histogramOf(samples) } : { samples: samples.map(rounded) }),
    ...judged(metric, at, "p50", spread.p50),
  };
}

/** The quotient of two kinds of samples, by their medians or their 99th percentiles. */
export function ratio(
  metric: MetricName,
  at: string,
  samples: readonly number[],
  base: readonly number[],
  statistic: Statistic = "p50",
): Figure | Absent {
  const n = Math.min(samples.length, base.length);
  if (n === 0) return { metric, at, absent: base.length === 0 ? "nothing to compare with" : "no samples" };
  const part = PARTS[statistic];
  const value = percentile(sorted(samples), part) / percentile(sorted(base), part);
  return {
    metric,
    at,
    unit: METRICS[metric].unit,
    statistic,
    value,
    interval: ratioInterval(samples, base, part),
    n,
    ...judged(metric, at, statistic, value),
  };
}

function judged(metric: MetricName, at: string, statistic: Statistic, value: number): { bound?: Bound; met?: boolean } {
  const bound = boundOf(metric, at, statistic);
  return bound ? { bound, met: keeps(bound, value) } : {};
}

function histogramOf(samples: readonly number[]): string {
  const histogram = build({ numberOfSignificantValueDigits: DIGITS });
  for (const sample of samples) histogram.recordValue(Math.max(0, Math.round(sample * HISTOGRAM_SCALE)));
  return encodeIntoCompressedBase64(histogram);
}

const rounded = (value: number): number => Number(value.toPrecision(6));
