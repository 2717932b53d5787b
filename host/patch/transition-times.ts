/**
 * The last kGraft transition of the machine, by the stamps that its CPUs left.
 *
 * Contract: ns since boot; `overNs` was written by the CPU on which the last task moved. Invariant: zero everywhere
 * before the first transition.
 */
import {
  MACHINE,
  MACHINE_KGR_ASKED,
  MACHINE_KGR_DONE,
  MACHINE_KGR_FLIP,
  MACHINE_KGR_OVER,
} from "../../kernel/layout.ts";
import type { SharedMemory } from "../memory.ts";

export interface TransitionTimes {
  /** livepatchd begins to mark tasks. */
  readonly askedNs: number;
  /** Every CPU has its stubs: tasks may move. */
  readonly flipNs: number;
  /** The last task has moved. */
  readonly overNs: number;
  /** Every slot is at rest again. */
  readonly doneNs: number;
}

export function readTransitionTimes(memory: SharedMemory): TransitionTimes {
  const at = (offset: number): number => memory.loadDouble(MACHINE + offset);
  return {
    askedNs: at(MACHINE_KGR_ASKED),
    flipNs: at(MACHINE_KGR_FLIP),
    overNs: at(MACHINE_KGR_OVER),
    doneNs: at(MACHINE_KGR_DONE),
  };
}
