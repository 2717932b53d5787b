/**
 * A lesson as Chrome trace events, which ui.perfetto.dev opens: one process per model, one track per CPU.
 *
 * Contract: `ts` and `dur` in µs of machine time. Stops are spans on each CPU's track, the transition is one on its own,
 * log lines are instants, tasks that have not moved and system calls per second are counters. Invariant: events of one
 * track nest, as the format demands.
 */
import type { LessonReport } from "./lesson.ts";

interface TraceEvent {
  readonly name: string;
  readonly ph: "M" | "X" | "i" | "C";
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly s?: "p";
  readonly args?: Readonly<Record<string, number | string>>;
}

const US = 1000;
const LOG_LINE = /^\[\s*(\d+\.\d+)\] (.*)$/;

export function traceEvents(reports: readonly LessonReport[]): { traceEvents: TraceEvent[]; displayTimeUnit: "ns" } {
  return { traceEvents: reports.flatMap((report, index) => eventsOf(report, index + 1)), displayTimeUnit: "ns" };
}

function eventsOf(report: LessonReport, pid: number): TraceEvent[] {
  const transition = report.cpus;
  const { enableStartNs, stop, moments, rates, log } = report;
  const name = (what: string, tid: number, args: string): TraceEvent => ({
    name: what,
    ph: "M",
    pid,
    tid,
    args: { name: args },
  });
  return [
    name("process_name", 0, `${report.model} on ${report.cpus} CPUs (${report.platform})`),
    ...Array.from({ length: report.cpus }, (_, cpu) => name("thread_name", cpu, `CPU ${cpu}`)),
    name("thread_name", transition, "transition"),
    {
      name: `enable ${report.functions.join(", ")}`,
      ph: "X",
      pid,
      tid: transition,
      ts: enableStartNs / US,
      dur: report.enableNs / US,
    },
    ...stop.cpus.flatMap(({ stoppedNs, leftNs }, cpu): TraceEvent[] =>
      leftNs > 0
        ? [{ name: "stopped", ph: "X", pid, tid: cpu, ts: stoppedNs / US, dur: (leftNs - stoppedNs) / US }]
        : [],
    ),
    ...moments.map(({ timeNs, remaining }): TraceEvent => ({
      name: "tasks not over",
      ph: "C",
      pid,
      tid: transition,
      ts: (enableStartNs + timeNs) / US,
      args: { tasks: remaining },
    })),
    ...rates.map(({ timeNs, perSecond }): TraceEvent => ({
      name: "system calls per second",
      ph: "C",
      pid,
      tid: transition,
      ts: timeNs / US,
      args: { calls: Math.round(perSecond) },
    })),
    ...log.flatMap((line): TraceEvent[] => {
      const match = LOG_LINE.exec(line);
      return match ? [{ name: match[2] ?? "", ph: "i", pid, tid: transition, s: "p", ts: Number(match[1]) * 1e6 }] : [];
    }),
  ];
}
