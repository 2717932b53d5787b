/**
 * What crosses between main thread and CPU threads: the closed list of calls, and what a boot carries.
 *
 *   boot      instantiates; the loop begins behind the answer   once, first
 *   stats     facts about the thread's engine                   only from the event loop: interrupt first, resume after
 *   install   instantiates a patch, fills table entries          as stats
 *   uninstall empties them                                       as stats
 *   entries   says where slots lead, if the CPU is there         as stats
 *   resume    begins the loop again, unless it is about to       after any call but boot
 *
 * Invariant: a CPU that runs answers nothing. PENDING_HOST brings it to its event loop, and keeps it there.
 */
import type { CpuImages, PatchCode, SlotQuestion } from "../../cpu/cpu.ts";
import type { EngineFacts } from "../platform.ts";

export interface CpuBoot {
  readonly cpu: number;
  readonly memory: WebAssembly.Memory;
  readonly images: CpuImages;
  readonly sourceMaps: { readonly kernel: string; readonly user: string };
  /** When the machine was booted, ms as in `performance.timeOrigin + performance.now()`. */
  readonly epoch: number;
}

export interface CpuControl {
  readonly boot: (boot: CpuBoot) => void;
  readonly stats: () => EngineFacts;
  readonly install: (code: PatchCode) => void;
  readonly uninstall: (indices: readonly number[]) => void;
  readonly entries: (questions: readonly SlotQuestion[]) => number[] | undefined;
  readonly resume: () => void;
}

/** What the clock thread starts with. */
export interface ClockBoot {
  readonly memory: WebAssembly.Memory;
  readonly epoch: number;
}
