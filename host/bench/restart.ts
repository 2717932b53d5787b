/**
 * What programs without a live patcher do: end all workers, start new ones with the new code over the same memory.
 *
 * Contract: a Switcher, so that it is measured like live patching. Each worker instantiates the kernel's module, as a
 * CPU does, then calls a small function for ever. Commit is when the last old worker has ended. Invariant: what workers
 * note survives them: a new one sees when its forerunner last looked at the clock.
 */
import { Worker } from "node:worker_threads";
import { METER_KIND_GAP } from "../../kernel/records.ts";
import { createMemory } from "../memory.ts";
import type { SharedMemory } from "../memory.ts";
import type { MeterRecord } from "../meter.ts";
import { readImage, workerEntry } from "../platform/node/files.ts";
import { epochNow } from "../platform/threads/time.ts";
import type { Switcher } from "./switches.ts";

/** Each worker's notes: doubles, from byte worker * NOTES_BYTES of a shared buffer on. */
export const NOTES_BYTES = 16_384;
export const CALLS = 0;
export const LOOKED_AT = 1;
/** When the current worker completed its first call, or 0. */
export const SEEN_AT = 2;
export const GAPS = 3;
export const RESULT = 4;
export const FIRST_GAP = 8;
export const MOST_GAPS = 1000;

export interface RestartBoot {
  readonly notes: SharedArrayBuffer;
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  readonly worker: number;
  readonly version: number;
  readonly epoch: number;
}

const MEMORY_MIB = 16;

export class Restarter implements Switcher {
  readonly name = "restart";
  readonly callers: number;
  readonly #notes: readonly Float64Array<SharedArrayBuffer>[];
  readonly #buffer: SharedArrayBuffer;
  readonly #memory: SharedMemory = createMemory(MEMORY_MIB);
  readonly #module: WebAssembly.Module;
  readonly #epoch: number = epochNow();
  readonly #read: number[];
  #workers: Worker[] = [];
  #version = 0;

  private constructor(callers: number, module: WebAssembly.Module) {
    this.callers = callers;
    this.#module = module;
    this.#buffer = new SharedArrayBuffer(NOTES_BYTES * callers);
    this.#notes = Array.from(
      { length: callers },
      (_, worker) => new Float64Array(this.#buffer, worker * NOTES_BYTES, NOTES_BYTES / 8),
    );
    this.#read = this.#notes.map(() => 0);
  }

  static async open(callers: number): Promise<Restarter> {
    const { bytes } = await readImage("kernel");
    const restarter = new Restarter(callers, new WebAssembly.Module(new Uint8Array(bytes)));
    await restarter.#start();
    return restarter;
  }

  nowNs(): number {
    return (epochNow() - this.#epoch) * 1e6;
  }

  async switch(): Promise<{ askedNs: number; commitNs: number; seenNs: number }> {
    const askedNs = this.nowNs();
    await this.close();
    const commitNs = this.nowNs();
    this.#version ^= 1;
    const seenNs = await this.#start();
    return { askedNs, commitNs, seenNs };
  }

  drain(): MeterRecord[] {
    return this.#notes.flatMap((notes, cpu) => {
      const count = notes[GAPS] ?? 0;
      const records = [];
      for (let gap = Math.max(this.#read[cpu] ?? 0, count - MOST_GAPS); gap < count; gap++) {
        const at = FIRST_GAP + (gap % MOST_GAPS) * 2;
        records.push({ cpu, kind: METER_KIND_GAP, what: cpu, fromNs: notes[at] ?? 0, toNs: notes[at + 1] ?? 0 });
      }
      this.#read[cpu] = count;
      return records;
    });
  }

  calls(): number {
    return this.#notes.reduce((sum, notes) => sum + (notes[CALLS] ?? 0), 0);
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
    this.#workers = [];
  }

  /** Gives when the last worker had completed its first call. */
  async #start(): Promise<number> {
    for (const notes of this.#notes) notes[SEEN_AT] = 0;
    this.#workers = this.#notes.map((_, worker) => {
      const workerData: RestartBoot = {
        notes: this.#buffer,
        memory: this.#memory.memory,
        module: this.#module,
        worker,
        version: this.#version,
        epoch: this.#epoch,
      };
      return new Worker(workerEntry("bench/restart-worker"), { workerData, execArgv: [] });
    });
    while (this.#notes.some((notes) => notes[SEEN_AT] === 0)) await new Promise((resolve) => setTimeout(resolve, 1));
    return Math.max(...this.#notes.map((notes) => notes[SEEN_AT] ?? 0));
  }
}
