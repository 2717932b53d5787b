/**
 * A CPU's thread, seen from the main thread.
 *
 * Idea: to say something to a CPU that runs, interrupt it, call it in its event loop, let it go on. Contract: `boot`
 * and `ask` settle within the call time-out; `died` says why there will be no more answers. Invariant: one call at a
 * time, and PENDING_HOST is set until the call has been answered, so a stale resume cannot start the loop early.
 */
import { Worker } from "node:worker_threads";
import nodeEndpoint from "comlink/dist/esm/node-adapter.mjs";
import { PENDING_HOST } from "../../../kernel/abi.ts";
import { PERCPU_PENDING } from "../../../kernel/layout.ts";
import { MachineError } from "../../errors.ts";
import { cpuBlock } from "../../memory.ts";
import type { SharedMemory } from "../../memory.ts";
import { Connection } from "../../rpc.ts";
import { workerEntry } from "../node/files.ts";
import type { CpuBoot, CpuControl } from "./control.ts";

export class CpuThread {
  readonly id: number;
  /** The thread is gone, whatever the reason. */
  readonly died: Promise<MachineError>;
  readonly #memory: SharedMemory;
  readonly #worker: Worker;
  readonly #connection: Connection<CpuControl>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(id: number, memory: SharedMemory, timeoutMs: number) {
    this.id = id;
    this.#memory = memory;
    this.#worker = new Worker(workerEntry("platform/threads/cpu-worker"), { name: `cpu${id}`, execArgv: [] });
    this.died = new Promise((resolve) => {
      this.#worker.once("error", (cause) => resolve(deathOf(id, `its thread failed: ${cause.message}`, cause)));
      this.#worker.once("exit", (code) => resolve(deathOf(id, `its thread ended with code ${code}`)));
    });
    this.#connection = new Connection(nodeEndpoint(this.#worker), { name: `CPU ${id}`, timeoutMs, died: this.died });
  }

  boot(boot: Omit<CpuBoot, "cpu">, timeoutMs: number): Promise<void> {
    return this.#connection.call("boot", [{ ...boot, cpu: this.id }], timeoutMs);
  }

  /** A call to a CPU that runs: it is interrupted first, and runs on behind it. */
  ask<Name extends "stats" | "install" | "uninstall" | "entries">(
    method: Name,
    parameters: Parameters<CpuControl[Name]>,
  ): Promise<ReturnType<CpuControl[Name]>> {
    const turn = this.#last.then(() => this.#interrupted(() => this.#connection.call(method, parameters)));
    this.#last = turn.catch(() => undefined);
    return turn as Promise<ReturnType<CpuControl[Name]>>;
  }

  /** Ends the thread at once, wherever it is. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  async #interrupted<T>(call: () => Promise<T>): Promise<T> {
    this.#memory.interrupt(this.id, PENDING_HOST);
    try {
      return await call();
    } finally {
      this.#memory.clear(cpuBlock(this.id) + PERCPU_PENDING, PENDING_HOST);
      // Not waited for: a CPU that did not answer finds it when it gets to its event loop.
      this.#connection.call("resume", []).catch(() => undefined);
    }
  }
}

function deathOf(cpu: number, how: string, cause?: unknown): MachineError {
  return new MachineError(
    "CPU_DIED",
    `CPU ${cpu} is dead: ${how}`,
    "The machine is lost: shut it down and boot another.",
    { cause },
  );
}
