/**
 * A machine with the few verbs that the experiments share.
 *
 * Contract: `until` looks a bounded number of times, with a little machine time in between, and says whether it came
 * to see what it was waiting for. Invariant: nothing is known here that the machine does not tell everybody.
 */
import type { CallOptions } from "../abort.ts";
import type { CallRecord } from "../check/oracle.ts";
import { MachineError } from "../errors.ts";
import type { Machine } from "../machine.ts";
import type { LoadedPatch, LoadOptions } from "../patch/patcher.ts";

/** The function that sleep() leaves a task in. */
export const ASLEEP_IN = "splice_to_pipe";
/** The file that the sleeper reads from, and what is in it. */
export const FILE = "/tmp/passwd";
export const CONTENTS = "root:x:0:0:";

/** Machine times: real ones on threads, short virtual ones on the stepped platform. */
interface Pace {
  readonly lookSeconds: number;
  /** Argument of user programs that sleep, µs. */
  readonly napUs: number;
  readonly deviceHz: number;
}
const PACES: Readonly<Record<string, Pace>> = {
  threads: { lookSeconds: 0.01, napUs: 2000, deviceHz: 500 },
  stepped: { lookSeconds: 0.0002, napUs: 200, deviceHz: 20_000 },
};
/** Looks after which a condition counts as never met. */
const LOOKS = 1000;
/** Looks for which something that does not move must not move. */
const PATIENCE = 25;

export class Rig {
  readonly machine: Machine;
  readonly pace: Pace;
  readonly options: CallOptions;
  readonly #patch: (name: string) => Promise<Uint8Array>;
  readonly #slots: ReadonlyMap<string, number>;

  constructor(
    machine: Machine,
    patch: (name: string) => Promise<Uint8Array>,
    slots: ReadonlyMap<string, number>,
    options: CallOptions,
  ) {
    this.machine = machine;
    this.pace = PACES[machine.settings.platform] as Pace;
    this.options = options;
    this.#patch = patch;
    this.#slots = slots;
  }

  /** Whether `look` came true. */
  async until(look: () => Promise<boolean> | boolean, looks: number = LOOKS): Promise<boolean> {
    for (let n = 0; n < looks; n++) {
      if (await look()) return true;
      await this.machine.run(this.pace.lookSeconds, this.options);
    }
    return false;
  }

  /** Runs a user program to its end; its exit code. */
  async run(program: string): Promise<number> {
    return this.exitCode(await this.machine.spawn(program, 0, this.options));
  }

  async exitCode(pid: number): Promise<number> {
    return (await this.machine.wait(pid, this.options)) >> 8;
  }

  /** A task asleep inside splice(), reading from a file that vault() wrote; it sleeps until wake(). */
  async sleep(): Promise<number> {
    await this.run("vault");
    const pid = await this.machine.spawn("splice_sleeper", this.pace.napUs, this.options);
    await this.until(() => this.isAsleep(pid));
    return pid;
  }

  async isAsleep(pid: number): Promise<boolean> {
    return (await this.stack(pid)).includes(`${ASLEEP_IN}+`);
  }

  async stack(pid: number): Promise<string> {
    return this.machine.read(`/proc/${pid}/stack`, this.options);
  }

  async wake(): Promise<void> {
    await this.run("waker");
  }

  /** Loads patches/NAME under kpatch. Gives it, and what the stack check said when it refused. */
  async kpatch(
    name: string,
    options: LoadOptions = {},
  ): Promise<{ patch: LoadedPatch | undefined; refusals: readonly string[] }> {
    const refusals: string[] = [];
    const onRefused = async (report: string, attempt: number): Promise<void> => {
      refusals.push(report);
      await options.onRefused?.(report, attempt);
    };
    const retrySeconds = this.pace.lookSeconds;
    const all = { attempts: LOOKS, retrySeconds, ...this.options, ...options, model: "kpatch", onRefused } as const;
    try {
      return { patch: await this.machine.load(await this.#patch(name), all), refusals };
    } catch (error) {
      if (!(error instanceof MachineError) || error.code !== "FUNCTION_IN_USE") throw error;
      return { patch: undefined, refusals };
    }
  }

  /** Begins to load patches/NAME under kGraft, and does not wait. */
  async kgraft(name: string): Promise<LoadedPatch> {
    return this.machine.load(await this.#patch(name), { ...this.options, model: "kgraft", noWait: true });
  }

  /** Swaps patches/NAME in with no model. */
  async swap(name: string): Promise<LoadedPatch> {
    return this.machine.load(await this.#patch(name), { ...this.options, model: "none" });
  }

  /** Whether everybody has moved. */
  async completes(patch: LoadedPatch): Promise<boolean> {
    return this.until(async () => (await this.machine.patchStatus(patch, this.options)).state === "enabled");
  }

  /** Waits until one task alone holds the transition up; the report that names it, or nothing when none does. */
  async lastBlocker(patch: LoadedPatch): Promise<string> {
    let report = "";
    await this.until(async () => {
      const { state, remaining } = await this.machine.patchStatus(patch, this.options);
      if (remaining === 1) report = await this.machine.blockers(this.options);
      return state === "enabled" || namesOne(report);
    });
    return namesOne(report) ? report : "";
  }

  /** Whether the transition stands still, with one task that has not moved, however often one looks. */
  async stalls(patch: LoadedPatch): Promise<boolean> {
    const moved = async (): Promise<boolean> => {
      const { state, remaining } = await this.machine.patchStatus(patch, this.options);
      return state !== "enabling" || remaining !== 1;
    };
    return !(await this.until(moved, PATIENCE));
  }

  slot(name: string): number {
    return this.#slots.get(name) ?? 0;
  }

  /** Records the calls of these functions. */
  async watch(...names: readonly string[]): Promise<void> {
    await this.machine.watch(
      names.map((name) => this.slot(name)),
      this.options,
    );
  }

  /** Calls that were recorded since the last time. */
  calls(): readonly CallRecord[] {
    return this.machine.trace().calls;
  }

  /** The same, and where calls ended. */
  records(): readonly CallRecord[] {
    return this.machine.trace().records;
  }
}

function namesOne(report: string): boolean {
  return [...report.matchAll(/^PID: /gm)].length === 1;
}

/** Who is in the way: `task 7 (sleeper)`. */
export function culprit(report: string | undefined): string {
  const [, pid, name] = /^PID: (\d+) Comm: (.*)$/m.exec(report ?? "") ?? [];
  return pid === undefined ? "nobody" : `${pid === "0" ? "an idle task" : `task ${pid}`} (${name})`;
}
