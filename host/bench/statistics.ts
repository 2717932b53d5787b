/**
 * Percentiles, and how sure one can be of them.
 *
 * Contract: a percentile is a sample (nearest rank), never an average of two; with fewer than 100 samples p99 is the
 * largest. Intervals are percentile bootstraps: samples are drawn again, with replacement, by a seeded generator, and
 * 95 of 100 statistics lie inside. Invariant: equal samples and seed, equal figures.
 */
import { Random } from "../random.ts";

export type Interval = readonly [low: number, high: number];

const RESAMPLES = 500;
/** Beyond this an interval is taken from so many samples, evenly spread; it comes out a little too wide. */
const MOST_RESAMPLED = 2000;
const SEED = 1;

export function sorted(samples: readonly number[]): Float64Array {
  return Float64Array.from(samples).toSorted();
}

/** The sample below or at which `part` of them lie; NaN without samples. */
export function percentile(ascending: Float64Array, part: number): number {
  return ascending[Math.max(0, Math.ceil(part * ascending.length) - 1)] ?? NaN;
}

/** Where the `part` percentile lies. */
export function interval(samples: readonly number[], part: number): Interval {
  const draw = drawer(samples, new Random(SEED));
  return middle(Array.from({ length: RESAMPLES }, () => percentile(draw(), part)));
}

/** Where the quotient of two percentiles lies. */
export function ratioInterval(samples: readonly number[], base: readonly number[], part: number): Interval {
  const random = new Random(SEED);
  const above = drawer(samples, random);
  const below = drawer(base, random);
  return middle(Array.from({ length: RESAMPLES }, () => percentile(above(), part) / percentile(below(), part)));
}

/** A function that draws as many samples again. */
function drawer(samples: readonly number[], random: Random): () => Float64Array {
  const step = Math.max(1, Math.ceil(samples.length / MOST_RESAMPLED));
  const taken = samples.filter((_, index) => index % step === 0);
  const drawn = new Float64Array(taken.length);
  return () => {
    for (let i = 0; i < drawn.length; i++) drawn[i] = taken[random.below(taken.length)] ?? NaN;
    return drawn.toSorted();
  };
}

function middle(statistics: readonly number[]): Interval {
  const ascending = sorted(statistics);
  return [percentile(ascending, 0.025), percentile(ascending, 0.975)];
}
