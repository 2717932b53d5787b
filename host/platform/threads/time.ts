/**
 * Machine time on real threads: nanoseconds since `epoch`, the same on every thread.
 *
 * Contract: each thread's own time origin is added, because browsers give every worker another one. Invariant: the
 * difference of the two large numbers is taken first, so a microsecond is not lost to rounding.
 */

/** Now, for `clockSince` on any thread. */
export function epochNow(): number {
  return performance.timeOrigin + performance.now();
}

export function clockSince(epoch: number): () => number {
  const origin = performance.timeOrigin - epoch;
  return () => (origin + performance.now()) * 1e6;
}
