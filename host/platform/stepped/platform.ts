/**
 * The stepped platform: a machine that runs only while somebody waits for it.
 *
 * Idea: waiting for a word means taking turns until it has changed; any number of callers may wait at once. Contract:
 * platform.ts; a failure is for good. Invariant: turns depend on nothing but memory and seed, and stop at once when
 * a caller has what it waits for; the pauses in between, which let the rest of the program live, come after a fixed number of turns.
 */
import { STATE_BOOTING, STATE_PANIC } from "../../../kernel/abi.ts";
import { MACHINE, MACHINE_STATE, PERCPU_ONLINE } from "../../../kernel/layout.ts";
import { abortError } from "../../abort.ts";
import type { Locate } from "../../cpu/backtrace.ts";
import type { PatchCode, SlotQuestion } from "../../cpu/cpu.ts";
import { MachineError } from "../../errors.ts";
import { cpuBlock } from "../../memory.ts";
import type { EngineFacts, Platform, PlatformPlan } from "../platform.ts";
import { Driver } from "./driver.ts";

/** Turns between two pauses. */
const SLICE = 1000;

interface Waiter {
  readonly done: () => boolean;
  /** Machine time never goes past it. */
  readonly until: number;
  readonly signal: AbortSignal | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class SteppedPlatform implements Platform {
  readonly realTime = false;
  readonly #plan: PlatformPlan;
  readonly #driver: Driver;
  readonly #waiters = new Set<Waiter>();
  #service: { address: number; value: number; answer: () => Promise<void> } | undefined;
  #failure: MachineError | undefined;
  #running: Promise<void> | undefined;

  constructor(plan: PlatformPlan, locate: Locate) {
    this.#plan = plan;
    this.#driver = new Driver(plan, locate);
  }

  async start(): Promise<void> {
    this.#guard(() => this.#driver.start("first"));
    await this.change(MACHINE + MACHINE_STATE, STATE_BOOTING);
    this.#guard(() => this.#driver.start("others"));
    for (let cpu = 1; cpu < this.#plan.settings.cpus; cpu++) await this.change(cpuBlock(cpu) + PERCPU_ONLINE, 0);
  }

  change(address: number, value: number, signal?: AbortSignal): Promise<void> {
    return this.#wait(() => this.#plan.memory.load(address) !== value, Infinity, signal);
  }

  serve(address: number, value: number, answer: () => Promise<void>): void {
    this.#service = { address, value, answer };
  }

  pass(seconds: number, signal?: AbortSignal): Promise<void> {
    const end = this.#driver.now + Math.round(seconds * 1e9);
    return this.#wait(() => this.#driver.now >= end, end, signal);
  }

  timeNs(): number {
    return this.#driver.now;
  }

  async install(code: PatchCode): Promise<void> {
    if (this.#failure) throw this.#failure;
    this.#driver.eachSocket((socket) => socket.install(code)); // a patch that does not link costs nothing but itself
  }

  async uninstall(indices: readonly number[]): Promise<void> {
    this.#guard(() => this.#driver.eachSocket((socket) => socket.uninstall(indices)));
  }

  async entries(questions: readonly SlotQuestion[]): Promise<number[][]> {
    const answers: number[][] = [];
    this.#guard(() =>
      this.#driver.eachSocket((socket) => {
        const answer = socket.entries(questions);
        if (answer) answers.push(answer);
      }),
    );
    return answers;
  }

  async inspect(): Promise<readonly EngineFacts[]> {
    return [];
  }

  async shutdown(): Promise<void> {
    this.#failure ??= new MachineError("SHUT_DOWN", "the machine has been shut down", "Boot another.");
    await this.#running;
  }

  /** The machine runs as long as anybody waits for it. */
  #wait(done: () => boolean, until: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.add({ done, until, signal, resolve, reject });
      this.#running ??= Promise.resolve()
        .then(() => this.#takeTurns())
        .catch((error: unknown) => {
          this.#running = undefined;
          this.#dismiss(() => true, error);
        });
    });
  }

  async #takeTurns(): Promise<void> {
    for (let dead = false; ;) {
      this.#dismiss(({ signal }) => signal?.aborted === true);
      const happened = this.#guard(() => this.#takeSlice());
      this.#plan.onPulse();
      for (const waiter of this.#waiters) {
        if (!waiter.done()) continue;
        this.#waiters.delete(waiter);
        waiter.resolve();
      }
      if (this.#waiters.size === 0) {
        this.#running = undefined; // at once: the next to wait begins anew
        return;
      }
      if (this.#isCalled()) await this.#service?.answer();
      else if (dead && !happened) this.#guard(() => this.#driver.refuseDeadlock());
      dead = !happened;
      await new Promise<void>((resume) => setTimeout(resume, 0)); // whoever has what he waited for may ask for more
    }
  }

  /** Turns until somebody has what he waits for, is asked something, or for a while. False when nothing can happen. */
  #takeSlice(): boolean {
    const waiters = [...this.#waiters];
    const until = Math.min(...waiters.map((waiter) => waiter.until));
    for (let turns = 0; turns < SLICE; turns++) {
      if (this.#isCalled() || waiters.some((waiter) => waiter.done())) return true;
      if (!this.#driver.turn(until) && until === Infinity) return false;
    }
    return true;
  }

  #dismiss(which: (waiter: Waiter) => boolean, reason?: unknown): void {
    for (const waiter of this.#waiters) {
      if (!which(waiter)) continue;
      this.#waiters.delete(waiter);
      waiter.reject(reason ?? abortError(waiter.signal));
    }
  }

  #isCalled(): boolean {
    const service = this.#service;
    return service !== undefined && this.#plan.memory.load(service.address) === service.value;
  }

  #guard<T>(work: () => T): T {
    if (this.#failure) throw this.#failure;
    try {
      return work();
    } catch (error) {
      this.#failure = this.#asMachineError(error);
      this.#plan.onPulse();
      this.#plan.onFailure(this.#failure);
      throw this.#failure;
    }
  }

  /** What is thrown outside a CPU loop comes from the kernel's boot. */
  #asMachineError(error: unknown): MachineError {
    if (error instanceof MachineError) return error;
    if (this.#plan.memory.load(MACHINE + MACHINE_STATE) === STATE_PANIC) return this.#plan.panicError();
    return new MachineError(
      "BOOT_FAILED",
      `the kernel trapped outside its CPU loop: ${String(error)}`,
      "Look at the log; more memory may help.",
      { cause: error },
    );
  }
}
