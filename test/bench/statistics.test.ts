import { describe, expect, it } from "vitest";
import { METER_KIND_GAP } from "../../kernel/records.ts";
import { boundOf } from "../../host/bench/bounds.ts";
import { figure, ratio } from "../../host/bench/figure.ts";
import { longestGaps, worldPause } from "../../host/bench/gaps.ts";
import { interval, percentile, ratioInterval, sorted } from "../../host/bench/statistics.ts";
import { Random } from "../../host/random.ts";

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
const noise = (n: number): number[] => {
  const random = new Random(7);
  return Array.from({ length: n }, () => random.below(1000));
};

describe("percentiles", () => {
  it("are samples: the nearest rank, never an average of two", () => {
    const ten = sorted(upTo(10));
    expect([0, 0.5, 0.9, 0.91, 1].map((part) => percentile(ten, part))).toEqual([1, 5, 9, 10, 10]);
  });

  it("have the largest sample for p99 while there are fewer than 100", () => {
    expect(percentile(sorted(upTo(99)), 0.99)).toBe(99);
    expect(percentile(sorted(upTo(100)), 0.99)).toBe(99);
  });

  it("do not exist without samples", () => {
    expect(percentile(sorted([]), 0.5)).toBeNaN();
  });
});

describe("bootstrap intervals", () => {
  it("hold the statistic, and shrink as samples become more", () => {
    const wide = interval(noise(20), 0.5);
    const narrow = interval(noise(1000), 0.5);
    expect(wide[0] <= wide[1]).toBe(true);
    expect(narrow[0] <= 500 && narrow[1] >= 470).toBe(true);
    expect(narrow[1] - narrow[0]).toBeLessThan(wide[1] - wide[0]);
  });

  it("are the same each time, because the generator is seeded", () => {
    expect(interval(noise(50), 0.5)).toEqual(interval(noise(50), 0.5));
    expect(ratioInterval(noise(50), upTo(50), 0.99)).toEqual(ratioInterval(noise(50), upTo(50), 0.99));
  });

  it("are a point when all samples are equal", () => {
    expect(interval([4, 4, 4, 4], 0.5)).toEqual([4, 4]);
    expect(ratioInterval([4, 4, 4], [2, 2], 0.5)).toEqual([2, 2]);
  });
});

describe("a figure", () => {
  it("keeps a few samples as they are, and many as a histogram", () => {
    expect(figure("stop.commit", "1 CPUs", [3, 1, 2])).toMatchObject({ value: 2, n: 3, samples: [3, 1, 2] });
    const many = figure("stop.commit", "1 CPUs", upTo(1001));
    expect(many).toMatchObject({ n: 1001, histogram: expect.stringMatching(/^HIST/) });
    expect(many).not.toHaveProperty("samples");
  });

  it("without samples is absent, and says why, instead of being zero", () => {
    expect(figure("stop.commit", "1 CPUs", [])).toEqual({
      metric: "stop.commit",
      at: "1 CPUs",
      absent: "no samples",
    });
    expect(ratio("stop.commit_of_floor", "2 CPUs", [1], [])).toMatchObject({ absent: "nothing to compare with" });
  });

  it("says whether it keeps its bound; most have none", () => {
    const good = ratio("stop.commit_of_floor", "8 CPUs", [10, 10], [5, 5]);
    const bad = ratio("stop.commit_of_floor", "8 CPUs", [11, 11], [5, 5]);
    expect(good).toMatchObject({ value: 2, bound: { atMost: 2 }, met: true });
    expect(bad).toMatchObject({ value: 2.2, met: false });
    expect(figure("stop.commit", "8 CPUs", [1])).not.toHaveProperty("met");
  });
});

describe("bounds", () => {
  it("are stated for a statistic under its circumstances, and for no other", () => {
    expect(boundOf("stop.commit_of_floor", "16 CPUs", "p99")).toEqual({ atMost: 4 });
    expect(boundOf("stop.commit_of_floor", "16 CPUs", "p50")).toEqual({ atMost: 2 });
    expect(boundOf("stop.commit_of_floor", "4 CPUs", "p50")).toBeUndefined();
    expect(boundOf("stop.commit", "16 CPUs", "p50")).toBeUndefined();
  });
});

describe("gaps", () => {
  const gap = (cpu: number, fromNs: number, toNs: number) => ({ cpu, kind: METER_KIND_GAP, what: 1, fromNs, toNs });
  const records = [gap(0, 0, 10), gap(0, 20, 50), gap(1, 30, 45), gap(1, 90, 99)];
  const window = { fromNs: 25, toNs: 60 };

  it("count for a window when they overlap it, with their whole length", () => {
    expect(longestGaps(records, window, 2)).toEqual([30, 15]);
    expect(longestGaps(records, { fromNs: 60, toNs: 80 }, 2)).toEqual([0, 0]);
  });

  it("are the world's pause only where all CPUs are inside one, within the window", () => {
    expect(worldPause(records, window, 2)).toBe(15);
    expect(worldPause(records, { fromNs: 25, toNs: 40 }, 2)).toBe(10);
    expect(worldPause(records, window, 3)).toBe(0);
  });
});
