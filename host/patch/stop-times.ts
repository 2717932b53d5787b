/**
 * The last stop of the machine, by the stamps that its CPUs left.
 *
 * Contract: ns since boot. Standstill is the time in which all CPUs stood still: from the last one to arrive to the
 * first one to leave. Invariant: zero everywhere before the first stop.
 */
import {
  MACHINE,
  MACHINE_STOP_ASKED,
  MACHINE_STOP_DECIDED,
  MACHINE_STOP_LEFT,
  PERCPU_LEFT_AT,
  PERCPU_PRESENT,
  PERCPU_STOPPED_AT,
} from "../../kernel/layout.ts";
import { cpuBlock } from "../memory.ts";
import type { SharedMemory } from "../memory.ts";

export interface StopTimes {
  readonly askedNs: number;
  readonly decidedNs: number;
  readonly standstillNs: number;
  /** Every CPU has left: until then the stamps of some are of the stop before. */
  readonly complete: boolean;
  /** Each CPU's own gap, arrival to leaving. */
  readonly cpus: readonly { readonly stoppedNs: number; readonly leftNs: number }[];
}

export function readStopTimes(memory: SharedMemory, cpus: number): StopTimes {
  const present = Array.from({ length: cpus }, (_, cpu) => cpuBlock(cpu)).filter(
    (block) => memory.load(block + PERCPU_PRESENT) !== 0,
  );
  const times = present.map((block) => ({
    stoppedNs: memory.loadDouble(block + PERCPU_STOPPED_AT),
    leftNs: memory.loadDouble(block + PERCPU_LEFT_AT),
  }));
  const last = Math.max(...times.map(({ stoppedNs }) => stoppedNs));
  const first = Math.min(...times.map(({ leftNs }) => leftNs));
  return {
    askedNs: memory.loadDouble(MACHINE + MACHINE_STOP_ASKED),
    decidedNs: memory.loadDouble(MACHINE + MACHINE_STOP_DECIDED),
    standstillNs: Math.max(0, first - last),
    complete: memory.load(MACHINE + MACHINE_STOP_LEFT) === 0, // partner: the sub in stop_leave()
    cpus: times,
  };
}
