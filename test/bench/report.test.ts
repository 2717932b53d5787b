import { describe, expect, it } from "vitest";
import { EFFORTS } from "../../host/bench/bench.ts";
import type { BenchDocument } from "../../host/bench/document.ts";
import { figure, ratio } from "../../host/bench/figure.ts";
import { renderPage } from "../../host/bench/report/page.ts";
import { escaped, renderPlot, renderTimeline } from "../../host/bench/report/plot.ts";
import type { Axis } from "../../host/bench/report/plot.ts";
import { renderBench } from "../../host/cli/bench-report.ts";
import { show } from "../../host/cli/bench-report.ts";

const many = Array.from({ length: 1500 }, (_, i) => 1000 + i);

const report: BenchDocument = {
  environment: {
    package: "0.0.0",
    date: "2000-01-01",
    node: "20.0.0",
    v8: "11",
    flags: ["--<flag>"],
    platform: "linux x64",
    cores: 2,
    processor: "a & b",
    loadAverage: [0, 0, 0],
  },
  effort: EFFORTS.quick,
  benches: [
    {
      bench: "stop",
      seconds: 1,
      figures: [
        figure("stop.commit", "2 CPUs", [4000, 5000, 6000]),
        figure("floor.stop.commit", "2 CPUs", [1000, 1000, 1000]),
        figure("stop.commit", "8 CPUs", many),
        figure("stop.standstill", "2 CPUs", [10, 20, 30]),
        figure("stop.standstill", "8 CPUs", [20, 30, 40]),
        ratio("stop.commit_of_floor", "2 CPUs", [5000], [1000]),
        figure("stop.check", "10000 tasks", []),
      ],
      notes: ["a < b"],
      timeline: { title: "a stop", cpus: 1, spans: [{ cpu: 0, what: "stopped", fromNs: 5, toNs: 50 }] },
      throughput: {
        title: "calls",
        points: [
          [0, 10],
          [1, 20],
        ],
        switches: [0.5],
      },
    },
  ],
  bounds: { met: 0, missed: 1 },
};

describe("the report", () => {
  const page = renderPage(report, show);

  it("needs nothing from outside: no script, no link, no address", () => {
    expect(page).not.toMatch(/<script|<link|src=|href=|url\(|https?:/);
  });

  it("draws distributions, standstill against CPUs, throughput with its switches, and a switch-over by CPU", () => {
    expect(page.match(/<figure>/g)).toHaveLength(5); // two distributions have samples here
    expect(page).toContain('class="mark"');
    expect(page).toContain("stopped: 5.0 ns to 50.0 ns");
  });

  it("has every figure with its verdict, and the reason where one is absent", () => {
    expect(page).toContain('<td class="not">missed: ≤ 2.00 x</td>');
    expect(page).toContain("absent: no samples");
  });

  it("escapes what it shows", () => {
    expect(page).toContain("a &amp; b");
    expect(page).toContain("--&lt;flag&gt;");
    expect(page).not.toContain("<flag>");
  });

  it("draws what became a histogram like what did not", () => {
    const line = /<polyline class="s2"[^>]*points="([^"]+)"/.exec(page);
    expect(line?.[1]?.split(" ").length).toBeGreaterThan(5);
  });
});

describe("a plot", () => {
  const axis: Axis = { label: "", scale: "log", show: String };

  it("leaves out what has no place on its axes, and is empty when nothing is left", () => {
    const lines = [{ name: "one", points: [[0, 1] as const, [1, NaN] as const] }];
    expect(renderPlot({ title: "t", x: axis, y: axis, lines })).toBe("");
    expect(renderTimeline("t", ["CPU 0"], [], String)).toBe("");
  });

  it("never lets text become markup", () => {
    expect(escaped(`<a b="c">&`)).toBe("&lt;a b=&quot;c&quot;&gt;&amp;");
  });
});

describe("the table", () => {
  it("has 80 columns at most, names unit, bound and verdict, and says why a figure is absent", () => {
    const text = report.benches.map((one) => renderBench(one, (_, words) => words)).join("");
    expect(text.split("\n").filter((line) => [...line].length > 80)).toEqual([]);
    expect(text).toMatch(/^stop\.commit +5\.00 µs +6\.00 µs +6\.00 µs +3$/m);
    expect(text).toMatch(/^stop\.commit_of_floor +5\.00 x +1 +NOT ≤ 2\.00 x$/m);
    expect(text).toContain("absent: no samples");
  });
});
