/**
 * One experiment: a machine under a workload, for a while, then stopped and checked.
 *
 * Idea: the figures are differences of two readings; the verdict comes from the kernel's audit and from the programs,
 * which check what they see. Contract: boots, spawns, runs, stops every task, audits, and shuts down whatever
 * happens. Invariant: the report holds numbers only, so that text and JSON say the same.
 */
import { SIGTERM } from "../kernel/abi.ts";
import type { CallOptions } from "./abort.ts";
import { MachineError } from "./errors.ts";
import type { Percentiles } from "./histogram.ts";
import { Machine } from "./machine.ts";
import type { MachineOptions } from "./options.ts";
import type { CounterReading, Counters, CpuStats } from "./stats.ts";
import { planTasks } from "./workload.ts";
import type { TaskPlan, Workload } from "./workload.ts";

export interface ExperimentPlan {
  readonly machine: MachineOptions;
  readonly seconds: number;
  /** Chosen when the machine is up, because a user module's programs are known only then. */
  readonly workload: (programs: readonly string[]) => Workload;
  readonly tasks?: number | undefined;
}

/** What the caller may want to show meanwhile. */
export interface Progress {
  readonly started: (tasks: number) => void;
  readonly ran: (seconds: number) => void;
}

export interface Verdict {
  readonly rule: string;
  readonly ok: boolean;
  readonly findings: readonly string[];
}

export interface Report {
  readonly machine: {
    readonly platform: string;
    readonly cpus: number;
    readonly memoryMiB: number;
    readonly seed: number;
  };
  readonly workload: string;
  readonly tasks: number;
  readonly seconds: number;
  /** Per second. */
  readonly rates: {
    readonly syscalls: number;
    readonly switches: number;
    readonly pipeBytes: number;
    readonly fileBytes: number;
    readonly spawns: number;
    readonly interrupts: number;
  };
  readonly wakeLatency: Percentiles;
  readonly gap: Percentiles;
  readonly cpus: readonly {
    readonly cpu: number;
    readonly switches: number;
    readonly gapMaxNs: number;
    readonly idleShare: number;
  }[];
  readonly memory: { readonly totalBytes: number; readonly usedBytes: number };
  readonly verdicts: readonly Verdict[];
  readonly log: readonly string[];
}

/** How long one stretch of running is, seconds of machine time, between two reports of progress. */
const STRETCH = 0.25;

export async function runExperiment(plan: ExperimentPlan, progress: Progress, options: CallOptions): Promise<Report> {
  const machine = await Machine.boot(plan.machine, options);
  try {
    return await measure(machine, plan, progress, options);
  } finally {
    await machine.shutdown();
  }
}

async function measure(
  machine: Machine,
  plan: ExperimentPlan,
  progress: Progress,
  options: CallOptions,
): Promise<Report> {
  const workload = plan.workload(machine.programs);
  const tasks = planTasks(workload, plan.tasks);
  const pids = await spawnAll(machine, tasks, options);
  machine.setDeviceHz(workload.deviceHz);
  progress.started(tasks.length);
  const before = machine.counters();
  for (let ran = 0; ran < plan.seconds; ran += STRETCH) {
    await machine.run(Math.min(STRETCH, plan.seconds - ran), options);
    progress.ran(Math.min(ran + STRETCH, plan.seconds));
  }
  const after = machine.counters();
  const { memory } = await machine.stats(options);
  machine.setDeviceHz(0);
  const misbehaved = await stopAll(machine, pids, tasks, options);
  const findings = await machine.audit(options);
  const { platform, cpus, memoryMiB, seed } = machine.settings;
  return {
    machine: { platform, cpus, memoryMiB, seed },
    workload: workload.name,
    tasks: tasks.length,
    ...figures(before, after),
    memory: { totalBytes: memory.totalBytes, usedBytes: memory.totalBytes - memory.freeBytes },
    verdicts: judge(findings, misbehaved, machine.counters().total.faults),
    log: machine.log(),
  };
}

async function spawnAll(machine: Machine, tasks: readonly TaskPlan[], options: CallOptions): Promise<number[]> {
  const pids = [];
  for (const { program, argument } of tasks) pids.push(await machine.spawn(program, argument, options));
  return pids;
}

/** Stops all tasks; names those that did not run until then. */
async function stopAll(
  machine: Machine,
  pids: readonly number[],
  tasks: readonly TaskPlan[],
  options: CallOptions,
): Promise<string[]> {
  for (const pid of pids) await machine.kill(pid, SIGTERM, options);
  const misbehaved = [];
  for (const [index, pid] of pids.entries()) {
    const status = await machine.wait(pid, options);
    if (status === SIGTERM || status === 0) continue;
    const how = status < 256 ? `was killed by signal ${status}` : `exited with ${status >> 8}`;
    misbehaved.push(`${tasks[index]?.program}[${pid}] ${how}`);
  }
  return misbehaved;
}

function figures(
  before: CounterReading,
  after: CounterReading,
): Pick<Report, "seconds" | "rates" | "wakeLatency" | "gap" | "cpus"> {
  const elapsedNs = after.timeNs - before.timeNs;
  const rate = (name: keyof Counters): number => ((after.total[name] - before.total[name]) / elapsedNs) * 1e9;
  const since = (cpu: CpuStats, name: keyof Counters): number =>
    cpu.counters[name] - (before.cpus[cpu.cpu]?.counters[name] ?? 0);
  return {
    seconds: elapsedNs / 1e9,
    rates: {
      syscalls: rate("syscalls"),
      switches: rate("switches"),
      pipeBytes: rate("pipeBytes"),
      fileBytes: rate("fileBytes"),
      spawns: rate("spawns"),
      interrupts: rate("interrupts"),
    },
    wakeLatency: after.wakeLatency,
    gap: after.gap,
    cpus: after.cpus.map((cpu) => ({
      cpu: cpu.cpu,
      switches: since(cpu, "switches"),
      gapMaxNs: cpu.counters.gapMaxNs,
      idleShare: since(cpu, "idleNs") / elapsedNs,
    })),
  };
}

/** Which finding of the kernel's audit breaks which rule. */
const RULES: readonly { readonly rule: string; readonly finding: RegExp }[] = [
  { rule: "no lost wake-up", finding: /^lost wake-up/ },
  { rule: "no lock held", finding: /^lock held/ },
  { rule: "no memory leaked", finding: /^(pages|slab objects) leaked/ },
  { rule: "all tasks reaped", finding: /^(tasks not reaped|zombie|tasks still queued)/ },
];

function judge(findings: readonly string[], misbehaved: readonly string[], faults: number): Verdict[] {
  const rows = [
    { rule: "every program saw what it should", findings: misbehaved },
    { rule: "no task faulted", findings: faults > 0 ? [`${faults} faults; the log says where`] : [] },
  ];
  return [...judgeAudit(findings), ...rows.map((row) => ({ ...row, ok: row.findings.length === 0 }))];
}

/** Verdicts from the findings of the kernel's audit. */
export function judgeAudit(findings: readonly string[]): Verdict[] {
  const unknown = findings.filter((line) => !RULES.some(({ finding }) => finding.test(line)));
  const rows = [
    ...RULES.map(({ rule, finding }) => ({ rule, findings: findings.filter((line) => finding.test(line)) })),
    ...(unknown.length > 0 ? [{ rule: "nothing else was found", findings: unknown }] : []),
  ];
  return rows.map((row) => ({ ...row, ok: row.findings.length === 0 }));
}

/** Refuses what an experiment cannot be. */
export function checkPlan(plan: Pick<ExperimentPlan, "seconds" | "tasks">): void {
  const { seconds, tasks } = plan;
  if (!(seconds > 0 && seconds <= 3600)) {
    throw new MachineError("BAD_OPTION", `seconds is ${seconds}`, "Give --seconds as a number above 0, 3600 at most.");
  }
  if (tasks !== undefined && !(Number.isInteger(tasks) && tasks >= 1 && tasks <= MAX_TASKS)) {
    throw new MachineError("BAD_OPTION", `tasks is ${tasks}`, `Give --tasks as an integer from 1 to ${MAX_TASKS}.`);
  }
}

/** Leaves pids for the children of the tasks. */
const MAX_TASKS = 400;
