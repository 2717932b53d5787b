/**
 * A report as text: one table of figures, one of CPUs, then the invariants.
 *
 * Contract: 80 columns; on the stepped platform nothing but options and seed decides a byte. Invariant: prints what
 * the report holds and computes nothing.
 */
import type { Report } from "../experiment.ts";
import { duration, mebibytes, si, table } from "./format.ts";
import type { Paint } from "./format.ts";

export function renderReport(report: Report, paint: Paint): string {
  const { rates, wakeLatency, gap, memory, seconds } = report;
  const time = report.machine.platform === "stepped" ? "virtual seconds" : "seconds";
  const figures = table([
    ["system calls", `${si(rates.syscalls)}/s`],
    ["context switches", `${si(rates.switches)}/s`],
    ["pipes", `${si(rates.pipeBytes)}B/s`],
    ["files", `${si(rates.fileBytes)}B/s`],
    ["processes started", `${si(rates.spawns)}/s`],
    ["interrupts", `${si(rates.interrupts)}/s`],
    ["memory used", `${mebibytes(memory.usedBytes)} of ${mebibytes(memory.totalBytes)}`],
  ]);
  const latencies = table([
    ["latency", "p50", "p99", "max", "count"],
    [
      "wake-up to run",
      duration(wakeLatency.p50),
      duration(wakeLatency.p99),
      duration(wakeLatency.max),
      si(wakeLatency.count),
    ],
    ["tick to safepoint", duration(gap.p50), duration(gap.p99), duration(gap.max), si(gap.count)],
  ]);
  const cpus = table([
    ["CPU", "switches", "longest gap", "idle"],
    ...report.cpus.map((cpu) => [
      `${cpu.cpu}`,
      si(cpu.switches),
      duration(cpu.gapMaxNs),
      `${(100 * cpu.idleShare).toFixed(0)} %`,
    ]),
  ]);
  const verdicts = report.verdicts.flatMap(({ rule, ok, findings }) => [
    `${ok ? paint("green", "ok    ") : paint("red", "FAILED")} ${rule}`,
    ...findings.map((finding) => `         ${finding}`),
  ]);
  return [
    paint("bold", `${report.workload}: ${report.tasks} tasks, ${seconds.toFixed(3)} ${time}`),
    ...figures,
    "",
    ...latencies,
    "",
    ...cpus,
    "",
    ...verdicts,
    "",
  ].join("\n");
}
