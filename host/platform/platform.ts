/**
 * What differs between real threads and one stepped thread: the small interface behind every machine.
 *
 * Idea: host and kernel talk through words in memory; a platform only makes CPUs run and waits for words to change.
 * Contract: every promise settles: a platform that cannot go on rejects with the MachineError that says why.
 * Invariant: nothing outside host/platform knows which platform it runs on.
 */
import type { MachineError } from "../errors.ts";
import type { CpuImages, PatchCode, SlotQuestion } from "../cpu/cpu.ts";
import type { SharedMemory } from "../memory.ts";
import type { Settings } from "../options.ts";

/** Facts about the engine under a CPU; none on a platform whose output must not depend on the engine. */
export interface EngineFacts {
  /** JavaScript heap of the CPU's thread. */
  readonly heapBytes: number;
}

export interface Platform {
  /** Its time passes by itself: waits need a limit. Where it is virtual, a machine that hangs says so. */
  readonly realTime: boolean;
  /** Brings all CPUs up; resolves when the machine runs. Once. */
  start(): Promise<void>;
  /** Resolves when the word at `address` is not `value` any more. */
  change(address: number, value: number, signal?: AbortSignal): Promise<void>;
  /**
   * Calls `answer` whenever the word at `address` is `value`, until the machine ends; `answer` changes the word. Where
   * time is virtual it stands still meanwhile, and `answer` must not wait for the machine.
   */
  serve(address: number, value: number, answer: () => Promise<void>): void;
  /** Lets machine time pass. */
  pass(seconds: number, signal?: AbortSignal): Promise<void>;
  /** Machine time. */
  timeNs(): number;
  /** Has every CPU instantiate a patch and put its functions into the table; resolves when all have. */
  install(code: PatchCode): Promise<void>;
  /** Has every CPU empty those table entries. */
  uninstall(indices: readonly number[]): Promise<void>;
  /** Has every CPU that there is say where its slots lead: by CPU, by question, one of the candidates or -1. */
  entries(questions: readonly SlotQuestion[]): Promise<readonly (readonly number[])[]>;
  /** Asks every CPU. */
  inspect(): Promise<readonly EngineFacts[]>;
  /** Ends all CPUs, in bounded time; nothing is left running. */
  shutdown(): Promise<void>;
}

/** What a platform is given. */
export interface PlatformPlan {
  readonly memory: SharedMemory;
  readonly settings: Settings;
  readonly images: CpuImages;
  readonly sourceMaps: { readonly kernel: string; readonly user: string };
  /** Called now and then while the machine runs, often enough that no log line is lost. */
  readonly onPulse: () => void;
  /** Called once when the machine cannot go on. */
  readonly onFailure: (error: MachineError) => void;
  /** The error for a machine whose state is PANIC. */
  readonly panicError: () => MachineError;
}
