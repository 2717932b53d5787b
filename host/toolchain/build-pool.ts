/**
 * Threads that make artifacts side by side.
 *
 * Contract: `make` and `compile` settle with what a free thread made, or with its refusal; `close` ends the threads.
 * Invariant: a thread has one request at a time, and one that dies fails that only.
 */
import { Worker } from "node:worker_threads";
import { MachineError } from "../errors.ts";
import type { Job, KernelJob, Made } from "./artifacts.ts";
import type { Outcome, Request } from "./build-worker.ts";
import type { CompiledSource } from "./source-unit.ts";

export class BuildPool {
  readonly #most: number;
  readonly #free: Worker[] = [];
  readonly #waiting: ((worker: Worker) => void)[] = [];
  #threads = 0;

  /** At most `threads` of them; each starts when it is first needed. */
  constructor(threads: number) {
    this.#most = threads;
  }

  async make(job: Job, source?: CompiledSource): Promise<Made> {
    return (await this.#ask({ do: "make", job, source })) as Made;
  }

  async compile(job: KernelJob): Promise<CompiledSource> {
    return (await this.#ask({ do: "compile", job })) as CompiledSource;
  }

  async #ask(request: Request): Promise<Made | CompiledSource> {
    const worker = await this.#take();
    try {
      const outcome = await ask(worker, request);
      this.#release(worker);
      if (outcome.ok) return outcome.result;
      throw new MachineError(outcome.code, outcome.what, outcome.remedy);
    } catch (error) {
      if (!(error instanceof MachineError)) this.#threads--; // the thread is gone; the next request starts another
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#free.map((worker) => worker.terminate()));
  }

  async #take(): Promise<Worker> {
    const free = this.#free.pop();
    if (free) return free;
    if (this.#threads === this.#most) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#threads++;
    return new Worker(new URL("./build-worker.js", import.meta.url));
  }

  #release(worker: Worker): void {
    const next = this.#waiting.shift();
    if (next) next(worker);
    else this.#free.push(worker);
  }
}

function ask(worker: Worker, request: Request): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      worker.off("message", answered);
      worker.off("error", failed);
      act();
    };
    const answered = (outcome: Outcome): void => settle(() => resolve(outcome));
    const failed = (error: Error): void => settle(() => reject(error));
    worker.on("message", answered);
    worker.on("error", failed);
    worker.postMessage(request);
  });
}
