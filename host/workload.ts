/**
 * Workloads: what init is asked to keep busy, by name.
 *
 * Idea: a workload is a table of programs of the user image; tasks are dealt out from it in turn. Contract: programs
 * run until they are killed, and exit with 1 when they saw something that must not happen. Adding a workload is a row.
 * Invariant: the same name, tasks and programs give the same list, so a stepped run is repeatable.
 */
import { MachineError } from "./errors.ts";

interface Share {
  readonly program: string;
  /** Argument of the first copy, and how much each further copy adds. */
  readonly argument: number;
  readonly step: number;
}

export interface Workload {
  readonly name: string;
  readonly summary: string;
  readonly shares: readonly Share[];
  readonly tasks: number;
  /** Device interrupts per second: each runs a handler, a kernel thread and a work item. */
  readonly deviceHz: number;
}

export interface TaskPlan {
  readonly program: string;
  readonly argument: number;
}

const PIPES: Share = { program: "pipes", argument: 1, step: 97 };
const FILES: Share = { program: "files", argument: 1, step: 1 };
const SLEEPER: Share = { program: "sleeper", argument: 200, step: 300 };
const SPINNER: Share = { program: "spinner", argument: 0, step: 0 };
const SPAWNER: Share = { program: "spawner", argument: 0, step: 0 };

export const WORKLOADS: readonly Workload[] = [
  {
    name: "mixed",
    summary: "pipes, files, sleep, computation, new processes, interrupts",
    shares: [PIPES, FILES, SLEEPER, SPINNER, SPAWNER],
    tasks: 15,
    deviceHz: 500,
  },
  { name: "pipes", summary: "writers and readers with a pipe between them", shares: [PIPES], tasks: 8, deviceHz: 0 },
  {
    name: "files",
    summary: "files written, read back, truncated and unlinked",
    shares: [FILES],
    tasks: 8,
    deviceHz: 0,
  },
  { name: "spawners", summary: "processes started and buried", shares: [SPAWNER], tasks: 6, deviceHz: 0 },
  { name: "sleepers", summary: "timers: tasks that sleep and wake", shares: [SLEEPER], tasks: 16, deviceHz: 0 },
  { name: "spinners", summary: "computation without system calls", shares: [SPINNER], tasks: 8, deviceHz: 0 },
  {
    name: "interrupts",
    summary: "device interrupts, kernel threads and work queues only",
    shares: [],
    tasks: 0,
    deviceHz: 2000,
  },
];

export function findWorkload(name: string): Workload {
  const found = WORKLOADS.find((workload) => workload.name === name);
  if (found) return found;
  const names = WORKLOADS.map((workload) => workload.name).join(", ");
  throw new MachineError(
    "UNKNOWN_WORKLOAD",
    `there is no workload ${name}`,
    `Take one of ${names}, or the path of a user module (.wasm).`,
  );
}

/** A workload of all programs of a user module. */
export function workloadOf(path: string, programs: readonly string[]): Workload {
  const shares = programs.map((program) => ({ program, argument: 0, step: 1 }));
  return { name: path, summary: "programs of a user module", shares, tasks: shares.length, deviceHz: 0 };
}

/** The tasks to start: the shares in turn. */
export function planTasks(workload: Workload, tasks: number = workload.tasks): TaskPlan[] {
  const { shares } = workload;
  if (shares.length === 0) return [];
  return Array.from({ length: tasks }, (_, index) => {
    const copy = Math.floor(index / shares.length);
    const { program, argument, step } = shares[index % shares.length] as Share;
    return { program, argument: argument + copy * step };
  });
}
