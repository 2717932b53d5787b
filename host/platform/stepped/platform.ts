/**
 * The stepped platform: a machine that runs only while somebody waits for it.
 *
 * Idea: waiting for a word means taking turns until it has changed. Contract: platform.ts; a failure is for good.
 * Invariant: turns depend on nothing but memory and seed; the pauses in between, which let the rest of the program
 * live, come after a fixed number of turns.
 */
import { STATE_BOOTING, STATE_PANIC } from "../../../kernel/abi.ts";
import { MACHINE, MACHINE_STATE, PERCPU_ONLINE } from "../../../kernel/layout.ts";
import { refuseAborted } from "../../abort.ts";
import type { Locate } from "../../cpu/backtrace.ts";
import type { PatchCode, SlotQuestion } from "../../cpu/cpu.ts";
import { MachineError } from "../../errors.ts";
import { cpuBlock } from "../../memory.ts";
import type { EngineFacts, Platform, PlatformPlan } from "../platform.ts";
import { Driver } from "./driver.ts";

/** Turns between two pauses. */
const SLICE = 1000;

export class SteppedPlatform implements Platform {
  readonly realTime = false;
  readonly #plan: PlatformPlan;
  readonly #driver: Driver;
  #service: { address: number; value: number; answer: () => Promise<void> } | undefined;
  #failure: MachineError | undefined;
  #waiting: Promise<unknown> = Promise.resolve();

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
    return this.#run(
      () => this.#plan.memory.load(address) !== value,
      () => Infinity,
      signal,
    );
  }

  serve(address: number, value: number, answer: () => Promise<void>): void {
    this.#service = { address, value, answer };
  }

  pass(seconds: number, signal?: AbortSignal): Promise<void> {
    let end = Infinity;
    const over = (): boolean => this.#driver.now >= end;
    return this.#run(over, () => (end = this.#driver.now + Math.round(seconds * 1e9)), signal);
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
    await this.#waiting;
  }

  /** One waiter runs the machine at a time; the next looks at its own word when that one is through. */
  #run(done: () => boolean, until: () => number, signal: AbortSignal | undefined): Promise<void> {
    const turns = this.#waiting.then(() => this.#takeTurns(done, until(), signal));
    this.#waiting = turns.catch(() => undefined);
    return turns;
  }

  async #takeTurns(done: () => boolean, until: number, signal: AbortSignal | undefined): Promise<void> {
    while (!done()) {
      refuseAborted(signal);
      this.#guard(() => {
        for (let turns = 0; turns < SLICE && !done() && !this.#isCalled(); turns++) this.#driver.turn(until);
      });
      if (this.#isCalled()) await this.#service?.answer();
      this.#plan.onPulse();
      if (!done()) await new Promise<void>((resume) => setTimeout(resume, 0));
    }
  }

  #isCalled(): boolean {
    const service = this.#service;
    return service !== undefined && this.#plan.memory.load(service.address) === service.value;
  }

  #guard(work: () => void): void {
    if (this.#failure) throw this.#failure;
    try {
      work();
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
