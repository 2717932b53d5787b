/**
 * Gaps: times without a call on a CPU, as the meters of the CPUs note them, seen through windows.
 *
 * Contract: a window's figure for a CPU is its longest gap that overlaps the window, 0 without one; the world's pause is
 * the longest time within the window in which every CPU was inside a gap. Invariant: gaps shorter than the kernel's
 * threshold (50 µs) are not noted and count as none.
 */
import { METER_KIND_GAP } from "../../kernel/records.ts";
import type { MeterRecord } from "../meter.ts";

export interface Window {
  readonly fromNs: number;
  readonly toNs: number;
}

const overlaps = (record: MeterRecord, { fromNs, toNs }: Window): boolean =>
  record.kind === METER_KIND_GAP && record.fromNs < toNs && record.toNs > fromNs;

/** Longest gap of each CPU that overlaps the window. */
export function longestGaps(records: readonly MeterRecord[], window: Window, cpus: number): number[] {
  const longest = Array.from({ length: cpus }, () => 0);
  for (const record of records) {
    if (!overlaps(record, window)) continue;
    longest[record.cpu] = Math.max(longest[record.cpu] ?? 0, record.toNs - record.fromNs);
  }
  return longest;
}

/** Longest time within the window in which all CPUs were inside gaps. */
export function worldPause(records: readonly MeterRecord[], window: Window, cpus: number): number {
  const edges = records
    .filter((record) => overlaps(record, window))
    .flatMap(({ fromNs, toNs }) => [
      { at: Math.max(fromNs, window.fromNs), by: 1 },
      { at: Math.min(toNs, window.toNs), by: -1 },
    ])
    .toSorted((left, right) => left.at - right.at || left.by - right.by);
  let inside = 0;
  let since = 0;
  let longest = 0;
  for (const { at, by } of edges) {
    if (inside === cpus) longest = Math.max(longest, at - since);
    inside += by;
    if (inside === cpus) since = at;
  }
  return longest;
}
