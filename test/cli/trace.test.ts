/** `wlp trace` as a user types it. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { CallTrace } from "../../host/trace-calls.ts";
import { functionLines, graphLines } from "../tracing/graph.ts";

const WLP = fileURLToPath(new URL("../../dist/host/cli/main.js", import.meta.url));
const LINE = "echo hello | cat";

function trace(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  return new Promise((resolve) =>
    execFile(process.execPath, [WLP, "trace", ...args], (error, out, err) =>
      resolve({ status: Number(error?.code ?? 0), out, err }),
    ),
  );
}

describe("wlp trace", () => {
  it("prints the calls that a line makes with their callers; the line's output goes to standard error", async () => {
    const { status, out, err } = await trace("--function", "pipe_write", "--function", "pipe_read", "--", LINE);
    expect([status, err]).toEqual([0, "hello\n"]);
    const calls = functionLines(out).map(({ comm, name, caller }) => `${comm}: ${name} <-${caller}`);
    expect(calls).toContain("echo: pipe_write <-vfs_write");
    expect(calls).toContain("cat: pipe_read <-vfs_read");
  });

  it("prints a graph that is a function of its options and the seed on the stepped platform", async () => {
    const args = [
      "--platform",
      "stepped",
      "--seed",
      "5",
      "--graph",
      "--function",
      "vfs_*",
      "--function",
      "pipe_*",
      "--",
      LINE,
    ];
    const [one, again] = await Promise.all([trace(...args), trace(...args)]);
    expect(again).toEqual(one);
    const inside = graphLines(one.out).filter(({ name, depth }) => name === "pipe_write" && depth === 1);
    expect(inside.length).toBeGreaterThan(0);
  });

  it("names a function that there is not, a ring that cannot be, and a file that cannot be written", async () => {
    const [none, ring, file] = await Promise.all([
      trace("--function", "pipe_read", "--function", "no_such", "--", LINE),
      trace("--buffer-kib", "0", "--", LINE),
      trace("--chrome", "/none/x.json", "--", LINE),
    ]);
    expect(none).toMatchObject({ status: 1, err: expect.stringMatching(/UNKNOWN_FUNCTION: .* no_such\n/) });
    expect(ring).toMatchObject({ status: 2, err: expect.stringMatching(/BAD_OPTION: --buffer-kib is "0"/) });
    expect(file).toMatchObject({ status: 1, err: expect.stringMatching(/FILE_REFUSED: ENOENT.*\/none\/x.json/) });
  });

  it("writes Chrome trace events whose spans nest on each task's track", async () => {
    const folder = await mkdtemp(join(tmpdir(), "wlp-trace-"));
    try {
      const file = join(folder, "calls.json");
      expect((await trace("--graph", "--chrome", file, "--", LINE)).status).toBe(0);
      const { traceEvents } = JSON.parse(await readFile(file, "utf8")) as CallTrace;
      const spans = traceEvents.flatMap(({ ph, tid, ts = 0, dur = 0 }) =>
        ph === "X" ? [{ tid, from: ts, to: ts + dur }] : [],
      );
      expect(spans.length).toBeGreaterThan(50);
      const torn = spans.filter(({ tid, from, to }) =>
        spans.some((other) => other.tid === tid && other.from < from && from < other.to && other.to < to - 0.001),
      );
      expect(torn).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("refuses a function that there is not, and passes on the line's status", async () => {
    expect(await trace("--function", "no_such_thing", "--", LINE)).toMatchObject({
      status: 1,
      err: expect.stringMatching(/UNKNOWN_FUNCTION: .*no_such_thing\n.*available_filter_functions/),
    });
    expect((await trace("--function", "pipe_read", "--", "false")).status).toBe(1);
  });
});
