import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BENCHES } from "../../host/bench/benches.ts";
import type { BenchDocument } from "../../host/bench/document.ts";
import { keeps } from "../../host/bench/bounds.ts";
import { METRICS } from "../../host/bench/metrics.ts";
import { PACKAGE_ROOT } from "../../host/toolchain/compile.ts";

const ALL_MS = 300_000;
const bench = (...args: string[]) =>
  promisify(execFile)(process.execPath, ["dist/host/cli/main.js", "bench", ...args], {
    cwd: PACKAGE_ROOT,
    maxBuffer: 1 << 26,
  });

let folder: string;
let stdout: string;
let document: BenchDocument;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wlp-bench-"));
  ({ stdout } = await bench("--quick", "--json", "--out", folder));
  document = JSON.parse(stdout) as BenchDocument;
}, ALL_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

const readings = () => document.benches.flatMap(({ figures }) => figures);

describe("wlp bench", () => {
  it("runs all benchmarks in turn when none is named", () => {
    expect(document.benches.map((report) => report.bench)).toEqual(["stamp", ...BENCHES.map(({ name }) => name)]);
  });

  it("takes every metric that docs/metrics.md defines", () => {
    expect([...new Set(readings().map(({ metric }) => metric))].toSorted()).toEqual(Object.keys(METRICS).toSorted());
  });

  it("gives each figure with samples, ordered percentiles and an interval, or says why it is absent", () => {
    for (const reading of readings()) {
      if ("absent" in reading) {
        expect(reading.absent, reading.metric).not.toBe("");
        continue;
      }
      const { metric, unit, n, spread, interval, value, bound, met } = reading;
      expect(unit).toBe(METRICS[metric].unit);
      expect(n, metric).toBeGreaterThan(0);
      expect(interval[0] <= interval[1], metric).toBe(true);
      if (spread) expect(spread.p50 <= spread.p90 && spread.p90 <= spread.p99 && spread.p99 <= spread.max).toBe(true);
      expect(met, metric).toBe(bound && keeps(bound, value));
    }
  });

  it("says with what and where it was measured", () => {
    const { node, v8, cores, loadAverage, flags } = document.environment;
    expect({ node, v8 }).toEqual({ node: process.versions.node, v8: process.versions.v8 });
    expect(cores).toBeGreaterThan(0);
    expect(loadAverage).toHaveLength(3);
    expect(Array.isArray(flags)).toBe(true);
  });

  it("writes the same document into the folder that --out names", async () => {
    expect(await readFile(join(folder, "bench.json"), "utf8")).toBe(stdout);
  });

  it("prints tables of 80 columns, each bound with its verdict", async () => {
    const { stdout: text } = await bench("syscalls", "--quick");
    expect(text.split("\n").filter((line) => [...line].length > 80)).toEqual([]);
    expect(text).toMatch(/^task\.switch .* (ok|NOT) ≤ 300 ns$/m);
    expect(text).toMatch(/^\d+ bounds met, \d+ missed$/m);
  });
});

describe("wlp bench refuses", () => {
  it.each([
    ["a benchmark that there is not", ["nothing"], "there is no benchmark nothing"],
    ["much and little effort at once", ["stop", "--full", "--quick"], "--full and --quick together"],
    ["an option that it does not know", ["--jsno"], "unknown option '--jsno'"],
  ])("%s", async (_, args, what) => {
    await expect(bench(...args)).rejects.toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining(`BAD_USAGE: ${what}`),
    });
  });
});
