/**
 * The lesson: a vulnerable kernel function is exploited, patched while it is in use, and unpatched again.
 *
 * Idea: one machine per model goes the same road, under the same workload: exploit; a task put to sleep *inside* the
 * function; patch; exploit again; unpatch; exploit once more. Contract: the report says what was seen at each step, and
 * a verdict for each promise. Invariant: nothing here knows a model's insides: it asks the machine as any user can.
 */
import { SIGTERM } from "../kernel/abi.ts";
import type { CallOptions } from "./abort.ts";
import type { Verdict } from "./experiment.ts";
import { judgeAudit } from "./experiment.ts";
import type { CheckReport } from "./lesson-check.ts";
import { Machine } from "./machine.ts";
import type { MachineOptions } from "./options.ts";
import type { LoadedPatch, LoadOptions } from "./patch/patcher.ts";
import type { StopTimes } from "./patch/stop-times.ts";
import type { PatchModel } from "./toolchain/patch-format.ts";
import { planTasks } from "./workload.ts";
import type { Workload } from "./workload.ts";

export interface LessonPlan {
  readonly machine: MachineOptions;
  readonly model: PatchModel;
  readonly patch: Uint8Array;
  /** The user image's exploit attacks what the patch mends, and a task is put to sleep inside it. */
  readonly exploit: boolean;
  readonly workload: Workload;
  readonly tasks?: number | undefined;
  /** Machine time of the stretch before, and of the stretch after. */
  readonly seconds: number;
}

/** What one attempt of the exploit did. */
export interface Attack {
  readonly succeeded: boolean;
  /** The protected file afterwards. */
  readonly file: string;
}

export interface Moment {
  readonly timeNs: number;
  readonly remaining: number;
}

export interface LessonReport {
  readonly model: PatchModel;
  readonly cpus: number;
  readonly platform: string;
  readonly functions: readonly string[];
  /** Only of a patch that the user image can attack. */
  readonly attacks: { readonly before: Attack; readonly patched: Attack; readonly after: Attack } | undefined;
  /** The stack of the task that sleeps inside the function while the patch goes in. */
  readonly sleeper: { readonly pid: number; readonly stack: string; readonly status: number } | undefined;
  /** Reports of the stack check, one per refusal. */
  readonly refusals: readonly string[];
  /** kGraft: who had not moved, at the first look. */
  readonly blockers: string;
  /** Tasks not moved, over time. */
  readonly moments: readonly Moment[];
  /** When the load was asked for, machine time; and how long until it was done. */
  readonly enableStartNs: number;
  readonly enableNs: number;
  readonly disableNs: number;
  /** The stop that switched; zeros where there was none. */
  readonly stop: StopTimes;
  readonly standstillNs: number;
  /** Longest time that a single CPU stood in the stop, ns. */
  readonly longestStopNs: number;
  readonly gapMaxNs: readonly number[];
  /** System calls per second of machine time, in slices. */
  readonly rates: readonly {
    readonly phase: "before" | "during" | "after";
    readonly timeNs: number;
    readonly perSecond: number;
  }[];
  /** What the checker saw on a machine of its own, if it was asked. */
  readonly checked?: CheckReport;
  readonly verdicts: readonly Verdict[];
  readonly log: readonly string[];
}

/** What was seen while the patch went in. */
type Seen = Pick<
  LessonReport,
  "refusals" | "blockers" | "moments" | "enableStartNs" | "enableNs" | "stop" | "standstillNs" | "longestStopNs"
>;

const VICTIM = "/tmp/passwd";
const SECRET = "root:x:0:0:";
/** The function that the sleeper sleeps in. */
const FUNCTION = "splice_to_pipe";
const SLICES = 8;

/** Machine times, in seconds: real ones on threads, short virtual ones on the stepped platform. */
interface Pace {
  /** How often the sleeper's reader looks whether it may wake it. */
  readonly lookUs: number;
  readonly retrySeconds: number;
  readonly lookSeconds: number;
}
const PACE: Readonly<Record<string, Pace>> = {
  threads: { lookUs: 2000, retrySeconds: 0.1, lookSeconds: 0.02 },
  stepped: { lookUs: 500, retrySeconds: 0.0005, lookSeconds: 0.0002 },
};
const ATTEMPTS = 50;

/** A report with the checker's word in it. */
export function withCheck(report: LessonReport, checked: CheckReport): LessonReport {
  const rule = "no call broke the model's promise";
  const verdicts = [...report.verdicts, { rule, ok: checked.violations.length === 0, findings: checked.violations }];
  return { ...report, checked, verdicts };
}

export async function runLesson(
  plan: LessonPlan,
  say: (what: string) => void,
  options: CallOptions,
): Promise<LessonReport> {
  const machine = await Machine.boot(plan.machine, options);
  try {
    return await new Lesson(machine, plan, say, options).run();
  } finally {
    await machine.shutdown();
  }
}

class Lesson {
  readonly #machine: Machine;
  readonly #plan: LessonPlan;
  readonly #say: (what: string) => void;
  readonly #options: CallOptions;
  readonly #pace: Pace;
  readonly #rates: LessonReport["rates"][number][] = [];

  constructor(machine: Machine, plan: LessonPlan, say: (what: string) => void, options: CallOptions) {
    this.#machine = machine;
    this.#plan = plan;
    this.#say = say;
    this.#options = options;
    this.#pace = PACE[machine.settings.platform] as Pace;
  }

  async run(): Promise<LessonReport> {
    const machine = this.#machine;
    const { exploit } = this.#plan;
    const before = exploit ? await this.#attack("exploited") : undefined;
    const pids = await this.#startWorkload();
    await this.#measure("before", this.#plan.seconds);

    const asleep = exploit ? await this.#putToSleep() : undefined;
    const enabled = await this.#enable();
    const patched = exploit ? await this.#attack("patched") : undefined;
    await this.#measure("after", this.#plan.seconds);
    const sleeper = asleep && { ...asleep, status: await machine.wait(asleep.pid, this.#options) };

    const started = machine.timeNs();
    await machine.disable(enabled.patch, this.#loadOptions());
    const disableNs = machine.timeNs() - started;
    await machine.unload(enabled.patch, this.#options);
    const after = exploit ? await this.#attack("unpatched") : undefined;
    const findings = await this.#stopWorkload(pids);
    const attacks = before && patched && after && { before, patched, after };
    const { patch, ...seen } = enabled;
    return {
      ...seen,
      model: this.#plan.model,
      platform: machine.settings.platform,
      cpus: machine.settings.cpus,
      functions: patch.functions,
      attacks,
      sleeper,
      disableNs,
      gapMaxNs: machine.counters().cpus.map(({ counters }) => counters.gapMaxNs),
      rates: this.#rates,
      verdicts: [
        ...(attacks && sleeper ? judge(this.#plan.model, attacks, sleeper, seen) : []),
        ...judgeAudit(findings),
      ],
      log: machine.log(),
    };
  }

  async #startWorkload(): Promise<number[]> {
    const pids = [];
    for (const { program, argument } of planTasks(this.#plan.workload, this.#plan.tasks)) {
      pids.push(await this.#machine.spawn(program, argument, this.#options));
    }
    this.#machine.setDeviceHz(this.#plan.workload.deviceHz);
    return pids;
  }

  /** Gives what the audit of the resting machine finds. */
  async #stopWorkload(pids: readonly number[]): Promise<string[]> {
    this.#machine.setDeviceHz(0);
    for (const pid of pids) await this.#machine.kill(pid, SIGTERM, this.#options);
    for (const pid of pids) await this.#machine.wait(pid, this.#options);
    return this.#machine.audit(this.#options);
  }

  #loadOptions(): LoadOptions {
    return { ...this.#options, attempts: ATTEMPTS, retrySeconds: this.#pace.retrySeconds };
  }

  /** The exploit on a fresh file, and what it left. */
  async #attack(when: string): Promise<Attack> {
    await this.#runProgram("vault");
    const status = await this.#runProgram("dirty_pipe");
    const succeeded = status >> 8 === 1;
    this.#say(`${when}: the exploit ${succeeded ? "works" : "fails"}`);
    return { succeeded, file: await this.#machine.read(VICTIM, this.#options) };
  }

  async #runProgram(program: string): Promise<number> {
    const pid = await this.#machine.spawn(program, 0, this.#options);
    return this.#machine.wait(pid, this.#options);
  }

  /** Starts the sleeper, and waits until its stack shows the function. */
  async #putToSleep(): Promise<{ pid: number; stack: string }> {
    const pid = await this.#machine.spawn("splice_sleeper", this.#pace.lookUs, this.#options);
    for (;;) {
      const stack = await this.#machine.read(`/proc/${pid}/stack`, this.#options);
      if (!stack.includes(`${FUNCTION}+`)) continue;
      this.#say(`task ${pid} sleeps inside ${FUNCTION}()`);
      return { pid, stack };
    }
  }

  /** Loads by the plan's model, watching. */
  async #enable(): Promise<Seen & { patch: LoadedPatch }> {
    const machine = this.#machine;
    const { model, patch: bytes } = this.#plan;
    const refusals: string[] = [];
    const moments: Moment[] = [];
    const calls = machine.counters();
    const started = machine.timeNs();
    // The sleeper is let go when it has been seen in the way: refused twice, or the last that has not moved.
    const onRefused = async (report: string): Promise<void> => {
      if (refusals.push(report) === REFUSALS_WANTED) await this.#runProgram("waker");
    };
    const patch = await machine.load(bytes, { ...this.#loadOptions(), model, onRefused, noWait: model === "kgraft" });
    let blockers = "";
    if (model === "kgraft") {
      for (;;) {
        const { state, remaining } = await machine.patchStatus(patch, this.#options);
        moments.push({ timeNs: machine.timeNs() - started, remaining });
        if (state === "enabled") break;
        // Once only the sleepers are left, they are named.
        if (remaining > 0 && remaining <= MANY && !blockers) {
          blockers = await this.#settledBlockers();
          if (blockers) await this.#runProgram("waker");
        }
        await machine.run(this.#pace.lookSeconds, this.#options);
      }
    }
    const enableNs = machine.timeNs() - started;
    const now = machine.counters();
    this.#rates.push({
      phase: "during",
      timeNs: calls.timeNs,
      perSecond: ((now.total.syscalls - calls.total.syscalls) / (now.timeNs - calls.timeNs)) * 1e9,
    });
    while (!machine.stopTimes().complete) await machine.run(this.#pace.lookSeconds, this.#options);
    const stop = machine.stopTimes();
    const longestStopNs = Math.max(...stop.cpus.map(({ stoppedNs, leftNs }) => leftNs - stoppedNs));
    return {
      patch,
      refusals,
      blockers,
      moments,
      enableStartNs: started,
      enableNs,
      stop,
      standstillNs: stop.standstillNs,
      longestStopNs,
    };
  }

  async #settledBlockers(): Promise<string> {
    const text = await this.#machine.blockers(this.#options);
    return text.includes(`${FUNCTION}+`) ? text : "";
  }

  async #measure(phase: "before" | "after", seconds: number): Promise<void> {
    const machine = this.#machine;
    for (let slice = 0; slice < SLICES; slice++) {
      const from = machine.counters();
      await machine.run(seconds / SLICES, this.#options);
      const to = machine.counters();
      this.#rates.push({
        phase,
        timeNs: from.timeNs,
        perSecond: ((to.total.syscalls - from.total.syscalls) / (to.timeNs - from.timeNs)) * 1e9,
      });
    }
  }
}

/** Refusals after which the sleeper is woken. */
const REFUSALS_WANTED = 2;
/** While more tasks than this have not moved, naming them says nothing. */
const MANY = 4;

function judge(
  model: PatchModel,
  { before, patched, after }: NonNullable<LessonReport["attacks"]>,
  sleeper: NonNullable<LessonReport["sleeper"]>,
  seen: Seen,
): Verdict[] {
  return [
    verdict("the exploit works on the unpatched kernel", before.succeeded),
    verdict("it fails on the patched kernel", !patched.succeeded && patched.file === SECRET),
    verdict("it works again when the patch is out", after.succeeded),
    verdict("the task that slept inside finished its call", sleeper.status === 0),
    model === "kpatch"
      ? verdict("the stack check refused while it slept inside", seen.refusals.length > 0)
      : verdict("it held the transition up, and finished in old code", blocks(seen.blockers, sleeper.pid)),
  ];
}

function verdict(rule: string, ok: boolean): Verdict {
  return { rule, ok, findings: [] };
}

/** Whether the report of blockers names the task. */
function blocks(report: string, pid: number): boolean {
  return [...report.matchAll(/^PID: (\d+)/gm)].some((match) => Number(match[1]) === pid);
}
