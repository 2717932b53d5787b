/**
 * The threads platform: a worker per CPU, one for the clock, words in memory between them.
 *
 * Idea: the main thread never blocks; it waits for words with Atomics.waitAsync. Contract: platform.ts. A thread that
 * ends while the machine should run is a failure of the machine: whoever waits is told. Invariant: after `shutdown`
 * no thread of this machine is left, however it ended.
 */
import { Worker } from "node:worker_threads";
import {
  CPU_GONE,
  CPU_WANTED,
  PENDING_OFFLINE,
  STATE_BOOTING,
  STATE_DOWN,
  STATE_PANIC,
  STATE_RUNNING,
} from "../../../kernel/abi.ts";
import {
  MACHINE,
  MACHINE_CLOCK_STOP,
  MACHINE_PANIC_CPU,
  MACHINE_STATE,
  PERCPU_ONLINE,
  PERCPU_POWER,
} from "../../../kernel/layout.ts";
import { abortable } from "../../abort.ts";
import type { PatchCode, SlotQuestion } from "../../cpu/cpu.ts";
import { MachineError } from "../../errors.ts";
import { cpuBlock } from "../../memory.ts";
import { workerEntry } from "../node/files.ts";
import type { EngineFacts, Platform, PlatformPlan } from "../platform.ts";
import { Failure } from "./failure.ts";
import type { ClockBoot } from "./control.ts";
import { CpuThread } from "./cpu-thread.ts";
import { clockSince, epochNow } from "./time.ts";

/** Time that a boot may take on a loaded computer, and what each further thread adds, however short calls may be. */
const BOOT_MS = 10_000;
const START_MS = 500;
const SHUTDOWN_MS = 2000;
const PULSE_MS = 50;
/** How long one waitAsync lasts: a caller that gave up leaves it behind for no longer. */
const WAIT_MS = 1000;
const STATE = MACHINE + MACHINE_STATE;

export class ThreadsPlatform implements Platform {
  readonly realTime = true;
  readonly #plan: PlatformPlan;
  readonly #epoch: number = epochNow();
  readonly #now: () => number = clockSince(this.#epoch);
  readonly #cpus: readonly CpuThread[];
  readonly #clock: Worker;
  readonly #pulse: ReturnType<typeof setInterval>;
  readonly #failure = new Failure();
  #settled = false;

  constructor(plan: PlatformPlan) {
    const { memory, settings } = plan;
    this.#plan = plan;
    this.#cpus = Array.from({ length: settings.cpus }, (_, cpu) => new CpuThread(cpu, memory, settings.callTimeoutMs));
    for (const cpu of this.#cpus) void cpu.died.then((error) => this.#onFailure(error));
    const workerData: ClockBoot = { memory: memory.memory, epoch: this.#epoch };
    this.#clock = new Worker(workerEntry("platform/threads/clock-worker"), { name: "clock", workerData, execArgv: [] });
    this.#clock.once("error", (cause) =>
      this.#onFailure(
        new MachineError("CPU_DIED", `the clock is dead: ${cause.message}`, "Boot another machine.", { cause }),
      ),
    );
    this.#pulse = setInterval(plan.onPulse, PULSE_MS);
  }

  async start(): Promise<void> {
    const { memory, images, sourceMaps, settings } = this.#plan;
    const boot = { memory: memory.memory, images, sourceMaps, epoch: this.#epoch };
    const timeoutMs = Math.max(settings.callTimeoutMs, BOOT_MS) + START_MS * settings.cpus;
    await Promise.all(this.#cpus.map((cpu) => cpu.boot(boot, timeoutMs))).catch(async (error: unknown) => {
      throw (await this.#panic()) ?? error;
    });
    const limit = AbortSignal.timeout(timeoutMs);
    const tooLate =
      (what: string) =>
      async (error: unknown): Promise<void> => {
        if (!limit.aborted) throw error;
        const panic = await this.#panic();
        if (panic) throw panic;
        throw new MachineError("CPU_TIMEOUT", what, "Look at the log; on a loaded computer, raise callTimeoutMs.");
      };
    await this.change(STATE, STATE_BOOTING, limit).catch(tooLate("CPU 0 has not finished booting"));
    for (let cpu = 1; cpu < settings.cpus && memory.load(STATE) === STATE_RUNNING; cpu++) {
      const online = this.change(cpuBlock(cpu) + PERCPU_ONLINE, 0, limit); // pairs with the notify in idle_main()
      await online.catch(tooLate(`CPU ${cpu} has not come online`));
    }
    const panic = await this.#panic();
    if (panic) throw panic;
    void this.#watchState();
  }

  async change(address: number, value: number, signal?: AbortSignal): Promise<void> {
    const { words } = this.#plan.memory;
    while (Atomics.load(words, address >> 2) === value) {
      const wait = Atomics.waitAsync(words, address >> 2, value, WAIT_MS);
      if (wait.async) await abortable(this.#failure.guard(wait.value), signal);
    }
  }

  serve(address: number, value: number, answer: () => Promise<void>): void {
    const { memory } = this.#plan;
    const serve = async (): Promise<void> => {
      for (;;) {
        const now = memory.load(address);
        if (now === value) await answer();
        else await this.change(address, now);
      }
    };
    serve().catch(() => undefined); // the machine has ended, and everybody who waits for it was told
  }

  async pass(seconds: number, signal?: AbortSignal): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, seconds * 1000);
    });
    await abortable(this.#failure.guard(over), signal).finally(() => clearTimeout(timer));
  }

  timeNs(): number {
    return this.#now();
  }

  inspect(): Promise<EngineFacts[]> {
    return Promise.all(this.#cpus.map((cpu) => cpu.ask("stats", [])));
  }

  async install(code: PatchCode): Promise<void> {
    await Promise.all(this.#cpus.map((cpu) => cpu.ask("install", [code])));
  }

  async uninstall(indices: readonly number[]): Promise<void> {
    await Promise.all(this.#cpus.map((cpu) => cpu.ask("uninstall", [indices])));
  }

  async entries(questions: readonly SlotQuestion[]): Promise<number[][]> {
    const answers = await Promise.all(this.#cpus.map((cpu) => cpu.ask("entries", [questions])));
    return answers.filter((answer) => answer !== undefined);
  }

  async shutdown(): Promise<void> {
    const { memory } = this.#plan;
    this.#settled = true;
    this.#failure.fail(new MachineError("SHUT_DOWN", "the machine has been shut down", "Boot another."));
    clearInterval(this.#pulse);
    memory.store(MACHINE + MACHINE_CLOCK_STOP, 1);
    memory.notify(MACHINE + MACHINE_CLOCK_STOP);
    if (memory.load(STATE) === STATE_RUNNING) {
      memory.store(STATE, STATE_DOWN);
      memory.notify(STATE);
      await this.#goOffline();
    }
    await Promise.all([this.#clock.terminate(), ...this.#cpus.map((cpu) => cpu.terminate())]);
  }

  /** Lets CPUs leave at a safepoint; a CPU that does not is terminated by the caller. */
  async #goOffline(): Promise<void> {
    for (const { id } of this.#cpus) {
      this.#plan.memory.interrupt(id, PENDING_OFFLINE);
      const power = cpuBlock(id) + PERCPU_POWER;
      if (this.#plan.memory.load(power) !== CPU_GONE) continue;
      this.#plan.memory.store(power, CPU_WANTED); // its thread wakes up, and finds that the machine is down
      this.#plan.memory.notify(power);
    }
    await within(SHUTDOWN_MS, Promise.all(this.#cpus.map((cpu) => cpu.died)));
  }

  /** A panic stops the CPUs, not this thread: somebody has to look. */
  async #watchState(): Promise<void> {
    await this.change(STATE, STATE_RUNNING).catch(() => undefined);
    const panic = await this.#panic();
    if (panic) await this.#onFailure(panic);
  }

  /** The panic that ended the machine, if one did; its CPU has said its last words when its thread is gone. */
  async #panic(): Promise<MachineError | undefined> {
    const { memory, settings, panicError } = this.#plan;
    if (memory.load(STATE) !== STATE_PANIC) return undefined;
    const cpu = this.#cpus[memory.load(MACHINE + MACHINE_PANIC_CPU) - 1];
    if (cpu) await within(settings.callTimeoutMs, cpu.died);
    return panicError();
  }

  async #onFailure(error: MachineError): Promise<void> {
    const cause = (await this.#panic()) ?? error;
    if (this.#settled) return;
    this.#settled = true;
    this.#failure.fail(cause);
    this.#plan.onFailure(cause);
  }
}

/** Waits for `work`, but not for ever. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
