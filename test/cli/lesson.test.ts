import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LessonReport } from "../../host/lesson.ts";
import { PACKAGE_ROOT } from "../../host/toolchain/compile.ts";

interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

function wlp(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ["dist/host/cli/main.js", ...args],
      { cwd: PACKAGE_ROOT, maxBuffer: 1 << 24 },
      (_, out, err) => resolve({ status: child.exitCode ?? -1, out, err }),
    );
  });
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wlp-lesson-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("wlp run with a live patch", () => {
  let lessons: LessonReport[];
  let trace: { traceEvents: { ph: string; pid: number; tid: number; ts?: number; dur?: number; name: string }[] };
  let status: number;
  beforeAll(async () => {
    const file = join(folder, "run.json");
    const outcome = await wlp(
      "run",
      "--platform",
      "stepped",
      "--seed",
      "7",
      "--seconds",
      "0.01",
      "--json",
      "--trace",
      file,
    );
    status = outcome.status;
    lessons = (JSON.parse(outcome.out) as { lessons: LessonReport[] }).lessons;
    trace = JSON.parse(await readFile(file, "utf8")) as typeof trace;
  }, 120_000);

  it("keeps every promise under both models, and says so with status 0", () => {
    expect(status).toBe(0);
    expect(lessons.map(({ model }) => model)).toEqual(["kpatch", "kgraft"]);
    expect(lessons.flatMap(({ verdicts }) => verdicts.filter(({ ok }) => !ok))).toEqual([]);
  });

  it("shows the exploit at work before and after, and failing in between", () => {
    for (const { attacks } of lessons) {
      expect(attacks?.before).toEqual({ succeeded: true, file: "root::0:0::" });
      expect(attacks?.patched).toEqual({ succeeded: false, file: "root:x:0:0:" });
      expect(attacks?.after).toEqual({ succeeded: true, file: "root::0:0::" });
    }
  });

  it("kpatch names the task that is inside the function, with its whole stack", () => {
    const [refusal = ""] = lessons[0]?.refusals ?? [];
    expect(refusal).toMatch(/^activeness safety check failed for splice_to_pipe\nPID: \d+ Comm: splice_sleeper\n/);
    expect(refusal).toContain("[<0>] sys_splice+");
    expect(refusal.trimEnd().split("\n").at(-1)).toMatch(/^\[<0>\] task_entry\+/);
  });

  it("kGraft goes on without that task, which is the last to come over", () => {
    expect(lessons[1]?.blockers).toContain("Comm: splice_sleeper");
    expect(lessons[1]?.moments.at(-1)?.remaining).toBe(0);
    expect(lessons[1]?.standstillNs).toBe(0);
  });

  it("is checked call by call: old ones, new ones, and none that breaks the model's promise", () => {
    for (const { checked } of lessons) {
      expect(checked).toMatchObject({ lost: 0, violations: [] });
      expect(Math.min(checked?.old ?? 0, checked?.new ?? 0)).toBeGreaterThan(0);
    }
  });

  it("writes trace events as Perfetto opens them: complete, in time, one named track per CPU", () => {
    const needed: Record<string, readonly string[]> = {
      X: ["ts", "dur"],
      i: ["ts", "s"],
      C: ["ts", "args"],
      M: ["args"],
    };
    for (const event of trace.traceEvents) {
      const fields = ["name", "pid", "tid", ...(needed[event.ph] ?? ["a phase that this test knows"])];
      expect(Object.keys(event), JSON.stringify(event)).toEqual(expect.arrayContaining(fields));
      for (const time of [event.ts, event.dur]) if (time !== undefined) expect(time).toBeGreaterThanOrEqual(0);
    }
    const names = trace.traceEvents.filter(({ name }) => name === "thread_name");
    for (const [index, { cpus }] of lessons.entries()) {
      const own = names.filter(({ pid }) => pid === index + 1);
      const cpuTracks = Array.from({ length: cpus }, (_, cpu) => ({ tid: cpu, args: { name: `CPU ${cpu}` } }));
      expect(own).toEqual(expect.arrayContaining(cpuTracks.map((track) => expect.objectContaining(track))));
    }
  });

  it("writes a timeline whose spans nest on each track", () => {
    const spans = trace.traceEvents.filter(({ ph }) => ph === "X");
    expect(spans.filter(({ name }) => name === "stopped")).toHaveLength(lessons[0]?.cpus ?? 0);
    const tracks = spans.map(({ pid, tid }) => `${pid}/${tid}`);
    expect(new Set(tracks).size).toBe(tracks.length); // one span a track: nothing that could overlap
  });
});

describe("wlp run refuses", () => {
  it("a module that is no patch, before anything is started", async () => {
    const { status, out, err } = await wlp("run", "--patch", "dist/images/user.wasm");
    expect({ status, out }).toEqual({ status: 1, out: "" });
    expect(err).toContain("NOT_A_PATCH");
  });

  it.each([
    ["--model", "hybrid", "not built yet"],
    ["--model", "ksplice", "ksplice"],
    ["--patch", "nowhere", "nowhere"],
  ])("%s %s, naming it, with status 2", async (option, value, named) => {
    const { status, err } = await wlp("run", option, value);
    expect(status).toBe(2);
    expect(err).toContain(named);
  });
});
