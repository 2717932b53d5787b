/**
 * The lesson as text: what was attacked, the diff, one table with the models as columns, how each transition went.
 *
 * Contract: 80 columns; prints what the reports hold and computes nothing but rounding.
 */
import type { LessonReport } from "../lesson.ts";
import { duration, si, wrap } from "./format.ts";
import type { Paint } from "./format.ts";

const WIDTH = 80;
const BARS = "▁▂▃▄▅▆▇█";
/** CPUs that get a row each. */
const GAP_ROWS = 8;

export interface LessonText {
  readonly name: string;
  readonly purpose: string;
  readonly changes: readonly string[];
}

export function renderLessons(lesson: LessonText, reports: readonly LessonReport[], paint: Paint): string {
  const [first] = reports;
  if (!first) return "";
  const head = [
    paint("bold", `patch ${lesson.name}: ${first.functions.join(", ")}`),
    ...wrap(lesson.purpose, WIDTH),
    ...lesson.changes,
    "",
  ];
  const failed = reports.flatMap((report) =>
    report.verdicts.filter(({ ok }) => !ok).map(({ rule, findings }) => [report.model, rule, ...findings]),
  );
  const verdicts = reports.flatMap(({ verdicts: all }) => all);
  return [
    ...head,
    ...columns(reports),
    "",
    ...reports.flatMap((report) => transition(report)),
    ...(failed.length === 0
      ? [
          `${paint("green", "ok    ")} ${verdicts.length} promises checked, under ${reports.map(({ model }) => model).join(" and ")}`,
        ]
      : failed.map(([model, ...rest]) => `${paint("red", "FAILED")} ${model}: ${rest.join("; ")}`)),
    "",
  ].join("\n");
}

/** Each row: what, one cell per model, and what the word means. */
function columns(reports: readonly LessonReport[]): string[] {
  const row: Row = (what, cell, why) =>
    `${what.padEnd(22)}${reports.map((report) => cell(report).padStart(15)).join("")}  ${why}`
      .trimEnd()
      .slice(0, WIDTH);
  const exploits = reports.every(({ attacks }) => attacks !== undefined);
  const file = (report: LessonReport, which: "before" | "patched" | "after"): string =>
    report.attacks?.[which].file ?? "-";
  return [
    row("", ({ model }) => model, ""),
    ...(exploits
      ? [
          row("exploit, unpatched", (report) => file(report, "before"), "a file it may only read"),
          row("exploit, patched", (report) => file(report, "patched"), "untouched"),
          row("exploit, unpatched", (report) => file(report, "after"), "the patch is out"),
          row(
            "stack check refused",
            ({ model, refusals }) => (model === "kpatch" ? `${refusals.length} times` : "-"),
            "a task slept inside",
          ),
        ]
      : []),
    row("time to enable", ({ enableNs }) => duration(enableNs), "to the last old call"),
    row("time to disable", ({ disableNs }) => duration(disableNs), ""),
    row(
      "standstill",
      ({ standstillNs, model }) => (model === "kpatch" ? duration(standstillNs) : "none"),
      "all CPUs stopped",
    ),
    row(
      "longest stop",
      ({ longestStopNs, model }) => (model === "kpatch" ? duration(longestStopNs) : "none"),
      "of one CPU",
    ),
    ...gapRows(reports, row),
    ...(reports.every(({ checked }) => checked)
      ? [
          row("calls old / new", ({ checked }) => `${checked?.old} / ${checked?.new}`, "seen by the checker"),
          row("  through the stub", ({ checked }) => `${checked?.stub}`, "which asks old or new"),
        ]
      : []),
    row("calls/s before", (report) => si(mean(report, "before")), "system calls"),
    row("       during", (report) => si(mean(report, "during")), ""),
    row("       after", (report) => si(mean(report, "after")), ""),
    row("throughput", (report) => plot(report), "before|during|after"),
  ];
}

type Row = (what: string, cell: (report: LessonReport) => string, why: string) => string;

/** One row per CPU, or the worst of many. */
function gapRows(reports: readonly LessonReport[], row: Row): string[] {
  const cpus = Math.max(...reports.map(({ gapMaxNs }) => gapMaxNs.length));
  if (cpus > GAP_ROWS) {
    return [
      row("longest gap", ({ gapMaxNs }) => duration(Math.max(...gapMaxNs)), `of ${cpus} CPUs, between safepoints`),
    ];
  }
  return Array.from({ length: cpus }, (_, cpu) =>
    row(
      `${cpu === 0 ? "longest gap," : "            "} CPU ${cpu}`,
      ({ gapMaxNs }) => duration(gapMaxNs[cpu] ?? 0),
      cpu === 0 ? "between safepoints" : "",
    ),
  );
}

function mean({ rates }: LessonReport, phase: "before" | "during" | "after"): number {
  const of = rates.filter((rate) => rate.phase === phase);
  return of.reduce((sum, { perSecond }) => sum + perSecond, 0) / Math.max(1, of.length);
}

/** One bar per slice of time, relative to the highest. */
function plot({ rates }: LessonReport): string {
  const most = Math.max(...rates.map(({ perSecond }) => perSecond));
  const bar = (value: number): string =>
    BARS[Math.min(BARS.length - 1, Math.floor((value / most) * BARS.length))] ?? "";
  const part = (phase: string): string => {
    const values = rates.filter((rate) => rate.phase === phase).map(({ perSecond }) => perSecond);
    return values
      .filter((_, i) => values.length < 6 || i % 2 === 0)
      .map(bar)
      .join("");
  };
  return `${part("before")}|${part("during")}|${part("after")}`;
}

/** How it went: the first refusal with its stack, or the tasks that were left over time. */
function transition({ model, refusals, moments, blockers }: LessonReport): string[] {
  if (model === "kpatch") {
    const [refusal] = refusals;
    return refusal
      ? [
          "kpatch, first attempt:",
          ...refusal
            .trimEnd()
            .split("\n")
            .map((line) => `  ${line}`),
          "",
        ]
      : [];
  }
  const left = moments.map(({ remaining }) => remaining).filter((value, i, all) => i === 0 || value !== all[i - 1]);
  return [
    `kgraft, tasks not over: ${left.join(" → ")}`.slice(0, WIDTH),
    ...(blockers
      ? [
          "  the last ones, asleep in old code:",
          ...blockers
            .trimEnd()
            .split("\n")
            .map((line) => `  ${line}`),
        ]
      : []),
    "",
  ];
}
