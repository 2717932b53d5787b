/**
 * Reads the kernel's histograms: log-linear, 8 buckets per octave.
 *
 * Idea: bucket = octave * 8 + step holds the values from (8 + step) / 8 * 2^octave up to the next bucket's. Contract:
 * the same rule as record_ns() in kernel/cpu/percpu.ts. Invariant: a percentile is given as its bucket's upper end, so
 * it is never too good, and at most an eighth too large.
 */
import { HISTOGRAM_BUCKETS } from "../kernel/layout.ts";
import type { SharedMemory } from "./memory.ts";

/** Nanoseconds. */
export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Counts per bucket. */
export type Histogram = Float64Array<ArrayBuffer>;

/** The sum of the histograms at `addresses`. */
export function readHistograms(memory: SharedMemory, addresses: readonly number[]): Histogram {
  const sum = new Float64Array(HISTOGRAM_BUCKETS);
  for (const address of addresses) {
    for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
      sum[bucket] = (sum[bucket] ?? 0) + (memory.load(address + bucket * 4) >>> 0);
    }
  }
  return sum;
}

/** First value that a bucket does not hold any more. */
export function bucketEnd(bucket: number): number {
  return ((9 + (bucket % 8)) / 8) * 2 ** Math.floor(bucket / 8);
}

/** `max` is exact, from a counter of its own. */
export function percentiles(histogram: Histogram, max: number): Percentiles {
  const count = histogram.reduce((sum, entries) => sum + entries, 0);
  const at = (part: number): number => {
    let seen = 0;
    for (let bucket = 0; bucket < histogram.length; bucket++) {
      seen += histogram[bucket] ?? 0;
      if (seen >= part * count) return Math.min(bucketEnd(bucket), max);
    }
    return max;
  };
  return count === 0
    ? { count, p50: 0, p90: 0, p99: 0, max }
    : { count, p50: at(0.5), p90: at(0.9), p99: at(0.99), max };
}
