import { describe, expect, it } from "vitest";
import { runExperiment } from "../../host/experiment.ts";
import type { ExperimentPlan, Progress, Report } from "../../host/experiment.ts";
import { findWorkload, planTasks, WORKLOADS, workloadOf } from "../../host/workload.ts";
import { FOREIGN } from "../user-module.ts";

const QUIET: Progress = { started: () => {}, ran: () => {} };

const run = (plan: Partial<ExperimentPlan>, progress: Progress = QUIET, signal?: AbortSignal): Promise<Report> =>
  runExperiment(
    { machine: { cpus: 2, platform: "stepped" }, seconds: 0.002, workload: () => findWorkload("mixed"), ...plan },
    progress,
    { signal },
  );

describe("a workload", () => {
  it("deals its programs out in turn, each copy with an argument of its own", () => {
    expect(planTasks(findWorkload("mixed"), 7)).toEqual([
      { program: "pipes", argument: 1 },
      { program: "files", argument: 1 },
      { program: "sleeper", argument: 200 },
      { program: "spinner", argument: 0 },
      { program: "spawner", argument: 0 },
      { program: "pipes", argument: 98 },
      { program: "files", argument: 2 },
    ]);
  });

  it("may have no tasks at all", () => {
    expect(planTasks(findWorkload("interrupts"), 5)).toEqual([]);
  });

  it("of a user module is each of its programs once", () => {
    expect(planTasks(workloadOf("x.wasm", ["a", "b"]))).toEqual([
      { program: "a", argument: 0 },
      { program: "b", argument: 0 },
    ]);
  });

  it("that nobody knows is refused, with those that exist", () => {
    expect(() => findWorkload("rest")).toThrow(
      expect.objectContaining({ code: "UNKNOWN_WORKLOAD", remedy: expect.stringMatching(/mixed, pipes/) }),
    );
  });

  for (const workload of WORKLOADS) {
    it(`leaves a clean machine: ${workload.name}, ${workload.summary}`, async () => {
      const report = await run({ workload: () => workload, tasks: Math.min(workload.tasks, 5) || undefined });
      expect(report.verdicts.filter(({ ok }) => !ok)).toEqual([]);
      expect(report.seconds).toBeCloseTo(0.002, 3);
    });
  }
});

describe("an experiment", () => {
  it("names the program that did not run to the end as it should", async () => {
    const report = await run({
      machine: { cpus: 1, platform: "stepped", userImage: FOREIGN },
      workload: (programs) => workloadOf("foreign", programs),
    });
    expect(report.verdicts.filter(({ ok }) => !ok)).toEqual([
      {
        rule: "every program saw what it should",
        ok: false,
        findings: [expect.stringMatching(/^answer\[\d+\] exited with 1$/)],
      },
    ]);
  });

  for (const platform of ["threads", "stepped"] as const) {
    it(`ends in the middle when its signal says so (${platform})`, async () => {
      const controller = new AbortController();
      const progress: Progress = { started: () => {}, ran: () => controller.abort() };
      const running = run({ machine: { cpus: 2, platform }, seconds: 3600 }, progress, controller.signal);
      await expect(running).rejects.toMatchObject({ code: "ABORTED" });
    });
  }
});
