/**
 * A machine's figures: what kernel and host count in the CPUs' blocks.
 *
 * Contract: counters are named as in abi.ts, without prefix; times are nanoseconds. Invariant: nothing is reset by
 * being read; who wants a rate takes two readings.
 */
import * as abi from "../kernel/abi.ts";
import { PERCPU_COUNTERS, PERCPU_GAP, PERCPU_WAKE_LATENCY } from "../kernel/layout.ts";
import { percentiles, readHistograms } from "./histogram.ts";
import type { Percentiles } from "./histogram.ts";
import { cpuBlock } from "./memory.ts";
import type { SharedMemory } from "./memory.ts";
import type { EngineFacts } from "./platform/platform.ts";

/** COUNTER_* of abi.ts. */
export interface Counters {
  readonly switches: number;
  readonly syscalls: number;
  readonly interrupts: number;
  /** Sent. */
  readonly ipis: number;
  readonly ticks: number;
  /** Tasks pulled from another CPU. */
  readonly steals: number;
  readonly wakeups: number;
  readonly preemptions: number;
  /** Read from pipes. */
  readonly pipeBytes: number;
  /** Read or written in files. */
  readonly fileBytes: number;
  readonly spawns: number;
  readonly exits: number;
  /** Fired. */
  readonly timers: number;
  /** Work items run. */
  readonly works: number;
  /** Longest wait of a tick for a safepoint. */
  readonly gapMaxNs: number;
  /** Longest wait of a woken task for a CPU. */
  readonly wakeMaxNs: number;
  readonly deviceInterrupts: number;
  /** Time asleep in the host. */
  readonly idleNs: number;
  /** Tasks killed by a trap. */
  readonly faults: number;
  /** Calls that asked a slow stub for the version; debug images count them. */
  readonly stubCalls: number;
  /** Rescheduling interrupts taken. */
  readonly reschedules: number;
  /** Function call interrupts taken. */
  readonly calls: number;
}

const COUNTERS: Readonly<Record<keyof Counters, number>> = {
  switches: abi.COUNTER_SWITCHES,
  syscalls: abi.COUNTER_SYSCALLS,
  interrupts: abi.COUNTER_INTERRUPTS,
  ipis: abi.COUNTER_IPIS,
  ticks: abi.COUNTER_TICKS,
  steals: abi.COUNTER_STEALS,
  wakeups: abi.COUNTER_WAKEUPS,
  preemptions: abi.COUNTER_PREEMPTIONS,
  pipeBytes: abi.COUNTER_PIPE_BYTES,
  fileBytes: abi.COUNTER_FILE_BYTES,
  spawns: abi.COUNTER_SPAWNS,
  exits: abi.COUNTER_EXITS,
  timers: abi.COUNTER_TIMERS,
  works: abi.COUNTER_WORKS,
  gapMaxNs: abi.COUNTER_GAP_MAX,
  wakeMaxNs: abi.COUNTER_WAKE_MAX,
  deviceInterrupts: abi.COUNTER_DEVICE,
  idleNs: abi.COUNTER_IDLE_NS,
  faults: abi.COUNTER_FAULTS,
  stubCalls: abi.COUNTER_STUB_CALLS,
  reschedules: abi.COUNTER_RESCHEDS,
  calls: abi.COUNTER_CALLS,
};

/** Maxima are not added up. */
const MAXIMA: ReadonlySet<string> = new Set<keyof Counters>(["gapMaxNs", "wakeMaxNs"]);

export interface CpuStats {
  readonly cpu: number;
  readonly counters: Counters;
  /** Wake-up to first instruction, of tasks that ran on this CPU. */
  readonly wakeLatency: Percentiles;
  /** A tick sent to the safepoint that answered it. */
  readonly gap: Percentiles;
}

/** One reading of all counters. */
export interface CounterReading {
  /** Machine time. */
  readonly timeNs: number;
  readonly cpus: readonly CpuStats[];
  /** Sums over the CPUs; of maxima, the largest. */
  readonly total: Counters;
  readonly wakeLatency: Percentiles;
  readonly gap: Percentiles;
}

export interface MachineStats extends CounterReading {
  /** Of the kernel's page allocator. */
  readonly memory: { readonly totalBytes: number; readonly freeBytes: number };
  /** One per CPU; none on the stepped platform. */
  readonly engines: readonly EngineFacts[];
}

export function readCpuStats(memory: SharedMemory, cpu: number): CpuStats {
  const block = cpuBlock(cpu);
  const counters = eachCounter((name) => memory.loadDouble(block + PERCPU_COUNTERS + COUNTERS[name] * 8));
  return {
    cpu,
    counters,
    wakeLatency: percentiles(readHistograms(memory, [block + PERCPU_WAKE_LATENCY]), counters.wakeMaxNs),
    gap: percentiles(readHistograms(memory, [block + PERCPU_GAP]), counters.gapMaxNs),
  };
}

/** Figures of the whole machine from those of its CPUs. */
export function totalStats(
  memory: SharedMemory,
  cpus: readonly CpuStats[],
): Pick<CounterReading, "total" | "wakeLatency" | "gap"> {
  const total = eachCounter((name) => {
    const values = cpus.map(({ counters }) => counters[name]);
    return MAXIMA.has(name) ? Math.max(...values) : values.reduce((sum, value) => sum + value, 0);
  });
  const merged = (offset: number, max: number): Percentiles =>
    percentiles(
      readHistograms(
        memory,
        cpus.map(({ cpu }) => cpuBlock(cpu) + offset),
      ),
      max,
    );
  return { total, wakeLatency: merged(PERCPU_WAKE_LATENCY, total.wakeMaxNs), gap: merged(PERCPU_GAP, total.gapMaxNs) };
}

/** /proc/meminfo, in bytes. */
export function parseMeminfo(text: string): MachineStats["memory"] {
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, "m").exec(text)?.[1] ?? 0) * 1024;
  return { totalBytes: bytes("MemTotal"), freeBytes: bytes("MemFree") };
}

function eachCounter(value: (name: keyof Counters) => number): Counters {
  const names = Object.keys(COUNTERS) as (keyof Counters)[];
  return Object.fromEntries(names.map((name) => [name, value(name)])) as Record<keyof Counters, number>;
}
