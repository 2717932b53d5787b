/**
 * A bare barrier of worker threads of this engine: two round trips through Atomics.wait and notify, and nothing else.
 *
 * What a stop cannot undercut in this engine: each worker sleeps and is woken, or is busy and looks; it counts itself
 * in, sleeps until the last one has come, is let go. Contract: `rounds` gives the stamps of each round. Invariant:
 * after `close` no worker is left.
 */
import { Worker } from "node:worker_threads";
import { workerEntry } from "../platform/node/files.ts";
import { epochNow } from "../platform/threads/time.ts";
import { askAndSleep } from "./lab.ts";

/** Words of the shared buffer; stamps of worker n are doubles from STAMPS on, two each. */
export const ASKED = 0;
export const MISSING = 16;
export const LET_GO = 32;
export const DONE = 48;
export const READY = 64;
export const STAMPS = 512;

export interface BarrierBoot {
  readonly shared: SharedArrayBuffer;
  readonly worker: number;
  readonly busy: boolean;
  readonly epoch: number;
}

export interface BarrierRound {
  /** Asked for to last arrival. */
  readonly commitNs: number;
  /** Last arrival to first departure. */
  readonly standstillNs: number;
  /** First wake-up asked for to last departure. */
  readonly roundNs: number;
}

/** Between two rounds the workers fall asleep. */
const PAUSE_MS = 3;
const BYTES = 4096;

export class Barrier {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #stamps: Float64Array<SharedArrayBuffer>;
  readonly #workers: readonly Worker[];
  readonly #now: () => number;

  private constructor(shared: SharedArrayBuffer, workers: readonly Worker[], epoch: number) {
    this.#words = new Int32Array(shared);
    this.#stamps = new Float64Array(shared, STAMPS);
    this.#workers = workers;
    this.#now = () => (epochNow() - epoch) * 1e6;
  }

  /** Workers that sleep between rounds, or are `busy` looking for the next. */
  static async open(count: number, { busy = false }: { busy?: boolean } = {}): Promise<Barrier> {
    const shared = new SharedArrayBuffer(BYTES);
    const epoch = epochNow();
    const workers = Array.from({ length: count }, (_, worker) => {
      const workerData: BarrierBoot = { shared, worker, busy, epoch };
      return new Worker(workerEntry("bench/barrier-worker"), { workerData, execArgv: [] });
    });
    const barrier = new Barrier(shared, workers, epoch);
    await barrier.#until(READY, count);
    return barrier;
  }

  async rounds(count: number): Promise<BarrierRound[]> {
    const rounds = [];
    for (let round = 0; round < count; round++) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      rounds.push(await this.#round());
    }
    return rounds;
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  async #round(): Promise<BarrierRound> {
    const words = this.#words;
    const count = this.#workers.length;
    Atomics.store(words, DONE, 0);
    Atomics.store(words, MISSING, count);
    let asked = 0;
    await askAndSleep(() => {
      const done = this.#until(DONE, count);
      asked = this.#now();
      Atomics.add(words, ASKED, 1); // partner: the workers' first wait, or look
      Atomics.notify(words, ASKED);
      return done;
    });
    const at = (worker: number, which: number): number => this.#stamps[worker * 2 + which] ?? NaN;
    const all = this.#workers.map((_, worker) => worker);
    const lastIn = Math.max(...all.map((worker) => at(worker, 0)));
    const out = all.map((worker) => at(worker, 1));
    return { commitNs: lastIn - asked, standstillNs: Math.min(...out) - lastIn, roundNs: Math.max(...out) - asked };
  }

  /** Waits until a word has a value, without blocking this thread. */
  async #until(word: number, value: number): Promise<void> {
    for (;;) {
      const now = Atomics.load(this.#words, word);
      if (now === value) return;
      const wait = Atomics.waitAsync(this.#words, word, now);
      if (wait.async) await wait.value;
    }
  }
}
