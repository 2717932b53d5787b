/**
 * How a stepped machine says that it cannot go on.
 *
 * Contract: each error carries what every CPU was doing, because that is the whole diagnosis: nothing runs any more
 * that could be asked. Invariant: text depends on memory only, so equal seeds give equal reports.
 */
import { describeCpu, readCpuState } from "../../cpu/state.ts";
import { MachineError } from "../../errors.ts";
import type { MachineErrorCode } from "../../errors.ts";
import type { SharedMemory } from "../../memory.ts";

export function stuck(
  code: MachineErrorCode,
  what: string,
  remedy: string,
  memory: SharedMemory,
  cpus: number,
): MachineError {
  const states = Array.from({ length: cpus }, (_, cpu) => `  ${describeCpu(readCpuState(memory, cpu))}`);
  return new MachineError(code, [what, ...states].join("\n"), remedy);
}
