/**
 * What whoever runs a machine does with its devices: the pulse's rate, and lines raised by hand.
 *
 * Contract: a rate or a line that cannot be is BAD_OPTION. Invariant: everything else about interrupts is the kernel's.
 */
import { IRQ_LINES } from "../kernel/abi.ts";
import { MACHINE, MACHINE_DEVICE_HZ } from "../kernel/layout.ts";
import { MachineError } from "./errors.ts";
import type { SharedMemory } from "./memory.ts";

const MOST_HZ = 100_000;

/** Has the pulse come `hz` times a second; 0 for never. */
export function setPulseHz(memory: SharedMemory, hz: number): void {
  if (!isBelow(hz, MOST_HZ + 1)) {
    throw new MachineError(
      "BAD_OPTION",
      `the device's rate is ${hz}`,
      `Give it as an integer from 0 to ${MOST_HZ} per second.`,
    );
  }
  memory.store(MACHINE + MACHINE_DEVICE_HZ, hz);
}

/** Raises an interrupt line on one of `cpus` CPUs. */
export function raiseLine(memory: SharedMemory, cpus: number, line: number, cpu: number): void {
  if (!isBelow(line, IRQ_LINES) || !isBelow(cpu, cpus)) {
    throw new MachineError(
      "BAD_OPTION",
      `there is no line ${line} of CPU ${cpu}`,
      `Lines go from 0 to ${IRQ_LINES - 1}, CPUs from 0 to ${cpus - 1}.`,
    );
  }
  memory.raiseLine(cpu, line);
}

const isBelow = (value: number, limit: number): boolean => Number.isInteger(value) && value >= 0 && value < limit;
