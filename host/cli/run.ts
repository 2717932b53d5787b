/**
 * `wlp run`: the main job: a machine under its workload, then a live patch on it, under each model.
 *
 * Contract: says first what it will do and how long it takes; a progress line only on a terminal; exit status 0 when
 * all invariants hold, 1 when one does not. Invariant: with --json, standard output holds one document and no more.
 */
import { readFile, writeFile } from "node:fs/promises";
import { Command, Option } from "commander";
import { MachineError } from "../errors.ts";
import { checkPlan, runExperiment } from "../experiment.ts";
import type { ExperimentPlan, Progress } from "../experiment.ts";
import { Machine } from "../machine.ts";
import { checkOptions } from "../options.ts";
import type { PlatformName } from "../platform/platforms.ts";
import { PLATFORMS } from "../platform/platforms.ts";
import { traceEvents } from "../trace-events.ts";
import { findWorkload, WORKLOADS, workloadOf } from "../workload.ts";
import { checkLesson } from "../lesson-check.ts";
import type { CheckReport } from "../lesson-check.ts";
import { runLesson, withCheck } from "../lesson.ts";
import type { LessonPlan, LessonReport } from "../lesson.ts";
import type { PatchModel } from "../toolchain/patch-format.ts";
import { CLAIMS } from "../claims/claims.ts";
import { runClaims } from "./claims.ts";
import { painter, wrap } from "./format.ts";
import { numberOf } from "./number.ts";
import { renderLessons } from "./lesson-report.ts";
import { digest, resolvePatch } from "./patch-argument.ts";
import type { PatchArgument } from "./patch-argument.ts";
import { renderReport } from "./report.ts";

interface RunOptions {
  readonly cpus?: number;
  readonly tasks?: number;
  readonly seconds?: number;
  readonly workload: string;
  readonly platform: PlatformName;
  readonly seed?: number;
  readonly memory?: number;
  readonly patch: string;
  readonly model?: string;
  readonly trace?: string;
  readonly claim?: string;
  readonly json?: boolean;
}

const SECONDS: Readonly<Record<PlatformName, number>> = { threads: 4, stepped: 0.05 };
/** Stretch of the workload before and after a live patch. */
const LESSON_SECONDS: Readonly<Record<PlatformName, number>> = { threads: 0.8, stepped: 0.004 };
/** What a lesson takes on threads, with its boot, the waits of its transitions and its checks. */
const LESSON_REAL_SECONDS = 3;
/** The patch whose hole the exploit of the user image knows. */
const EXPLOITED = "dirty-pipe";
const MODELS: readonly PatchModel[] = ["kpatch", "kgraft"];

const EXIT_STATUS = "Exit status: 0 all invariants hold, 1 they do not, 2 usage, 130 interrupted.";

export function runCommand(signal: AbortSignal): Command {
  const workloads = WORKLOADS.map(({ name, summary }) => `  ${name.padEnd(11)} ${summary}`).join("\n");
  return new Command("run")
    .description("Boot a machine, put a workload on it, measure, stop it, check that nothing was lost.")
    .option("--cpus <n>", "CPUs, 1 to 64 (default: 4)", numberOf("--cpus"))
    .option("--tasks <n>", "tasks that the workload starts (default: the workload's own)", numberOf("--tasks"))
    .option("--seconds <s>", "how long it runs (default: 4; on stepped 0.05 of virtual time)", numberOf("--seconds"))
    .option("--workload <w>", "a name from the list below, or the path of a user module (.wasm)", "mixed")
    .addOption(
      new Option("--platform <p>", "threads: one worker thread per CPU. stepped: one thread, virtual time")
        .choices(Object.keys(PLATFORMS))
        .default("threads"),
    )
    .option("--seed <n>", "on stepped, decides every interleaving; a 32-bit number (default: 1)", numberOf("--seed"))
    .option("--memory <mib>", "memory of the machine in MiB (default: 64)", numberOf("--memory"))
    .option("--patch <p>", "a folder under patches/, a diff, or a built module; `none` for no patch", "dirty-pipe")
    .option("--model <m>", "kpatch or kgraft (default: one after the other)")
    .option("--trace <file>", "write the patching as trace events, which ui.perfetto.dev opens")
    .option("--claim <c>", "try a claim of the list below, or all; on stepped unless --platform is given")
    .option("--json", "print one JSON document")
    .addHelpText("after", `\nWorkloads:\n${workloads}\n\nClaims:\n${claimsHelp()}\n\n${EXIT_STATUS}`)
    .action(async (options: RunOptions, command: Command) => {
      const { claim, cpus, seed, memory, json = false } = options;
      if (claim === undefined) return run(options, signal);
      refuseBeside(command);
      const platform = command.getOptionValueSource("platform") === "default" ? "stepped" : options.platform;
      return runClaims({ name: claim, machine: { platform, cpus, seed, memoryMiB: memory }, json }, signal);
    });
}

/** Names, and beside them the sentences. */
function claimsHelp(): string {
  const lines = CLAIMS.flatMap(({ name, sentence }) =>
    wrap(sentence, 50).map((line, n) => `  ${(n === 0 ? name : "").padEnd(26)}${line}`),
  );
  return lines.join("\n");
}

/** A claim decides by itself what runs on its machines. */
function refuseBeside(command: Command): void {
  const beside = ["tasks", "seconds", "workload", "patch", "model", "trace"];
  const given = beside.find((name) => command.getOptionValueSource(name) === "cli");
  if (given === undefined) return;
  throw new MachineError(
    "BAD_OPTION",
    `--${given} means nothing beside --claim`,
    "Beside --claim take --platform, --cpus, --seed, --memory and --json only.",
  );
}

async function run(options: RunOptions, signal: AbortSignal): Promise<void> {
  const models = modelsOf(options.model);
  const plan = await planOf(options);
  const patch = await patchOf(options);
  if (patch) await Machine.checkPatch(patch.bytes, plan.machine); // before anything is started
  if (!options.json) announce(options, plan, patch && { name: patch.name, models });
  const report = await runExperiment(plan, options.json ? QUIET : progressLine(plan.seconds), { signal });
  const paint = painter(process.stdout.isTTY, process.env);
  if (!options.json) process.stdout.write(renderReport(report, paint));
  const lessons = patch ? await teach(patch, models, options, plan, signal) : [];
  if (options.json) process.stdout.write(`${JSON.stringify({ ...report, lessons }, null, 2)}\n`);
  else if (patch)
    process.stdout.write(`\n${renderLessons({ name: patch.name, ...digest(patch.text) }, lessons, paint)}${NEXT}`);
  if (options.trace) await writeFile(options.trace, JSON.stringify(traceEvents(lessons)));
  const verdicts = [report, ...lessons].flatMap((part) => part.verdicts);
  if (verdicts.some(({ ok }) => !ok)) process.exitCode = 1;
}

const NEXT = `next: wlp run --platform stepped --seed 7     the same, step by step, by seed
      wlp build patches/refused/add-buffer    a patch that is refused, and why
      wlp run --trace run.json                a timeline for ui.perfetto.dev
`;

/** With the module for the image that the checker runs. */
type PatchForRun = PatchArgument & { readonly checked: Uint8Array | undefined };

/** The lesson under each model, each on a machine of its own. */
async function teach(
  patch: PatchForRun,
  models: readonly PatchModel[],
  options: RunOptions,
  plan: ExperimentPlan,
  signal: AbortSignal,
): Promise<LessonReport[]> {
  const reports: LessonReport[] = [];
  for (const model of models) {
    const lesson: LessonPlan = {
      machine: plan.machine,
      model,
      patch: patch.bytes,
      exploit: patch.name === EXPLOITED,
      workload: findWorkload(options.workload),
      tasks: plan.tasks,
      seconds: LESSON_SECONDS[options.platform],
    };
    const say = (what: string): void => {
      if (!options.json && process.stderr.isTTY) process.stderr.write(`\r\u001b[K${model}: ${what}`);
    };
    const report = await runLesson(lesson, say, { signal });
    reports.push(patch.checked ? withCheck(report, await check(lesson, patch.checked, signal)) : report);
    if (!options.json && process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  }
  return reports;
}

/** The same under the checker. */
function check(
  { machine, workload, model, exploit }: LessonPlan,
  patch: Uint8Array,
  signal: AbortSignal,
): Promise<CheckReport> {
  const caller = exploit ? "dirty_pipe" : undefined;
  return checkLesson({ machine, workload, model, caller, patch }, { signal });
}

/** The patch of this run, for the image of its platform; none for a user module of one's own. */
async function patchOf({ patch, workload, platform }: RunOptions): Promise<PatchForRun | undefined> {
  if (patch === "none" || workload.endsWith(".wasm")) return undefined;
  const found = await resolvePatch(patch, platform === "stepped" ? "kernel-stepped" : "kernel");
  if (platform === "stepped") return { ...found, checked: found.bytes };
  // A built module is for one image; the checker, which needs another, does without.
  const checked = patch.endsWith(".wasm") ? undefined : (await resolvePatch(patch, "kernel-debug")).bytes;
  return { ...found, checked };
}

function modelsOf(model: string | undefined): readonly PatchModel[] {
  if (model === undefined) return MODELS;
  if (model === "hybrid") {
    throw new MachineError("BAD_OPTION", "--model hybrid is not built yet", "Take kpatch or kgraft.");
  }
  const known = MODELS.filter((name) => name === model);
  if (known.length > 0) return known;
  throw new MachineError(
    "BAD_OPTION",
    `--model is "${model}"`,
    "Take kpatch or kgraft; without --model both run in turn.",
  );
}

async function planOf(options: RunOptions): Promise<ExperimentPlan> {
  const { workload, platform, tasks, seed, cpus, memory } = options;
  const foreign = workload.endsWith(".wasm");
  const userImage = foreign ? await readModule(workload) : undefined;
  const known = foreign ? undefined : findWorkload(workload);
  const plan = {
    machine: { platform, seed, cpus, memoryMiB: memory, userImage },
    seconds: options.seconds ?? SECONDS[platform],
    tasks,
    workload: (programs: readonly string[]) => known ?? workloadOf(workload, programs),
  };
  checkPlan(plan);
  checkOptions(plan.machine);
  return plan;
}

function announce(
  options: RunOptions,
  plan: ExperimentPlan,
  patch: { readonly name: string; readonly models: readonly PatchModel[] } | undefined,
): void {
  const { cpus, memoryMiB, seed, platform } = checkOptions(plan.machine);
  const time = platform === "stepped" ? `${plan.seconds} s of virtual time, seed ${seed}` : `${plan.seconds} s`;
  process.stdout.write(`${cpus} CPUs (${platform}), ${memoryMiB} MiB, workload ${options.workload}, ${time}\n`);
  if (!patch) return;
  const about = platform === "stepped" ? "" : `, about ${LESSON_REAL_SECONDS} s each`;
  process.stdout.write(`then ${patch.name} in and out again, under ${patch.models.join(", then ")}${about}\n`);
}

const QUIET: Progress = { started: () => {}, ran: () => {} };

/** One line that rewrites itself; nothing when nobody watches. */
function progressLine(seconds: number): Progress {
  if (!process.stderr.isTTY) return QUIET;
  return {
    started: (tasks) => process.stderr.write(`\r${tasks} tasks started`),
    ran: (ran) => process.stderr.write(ran < seconds ? `\rrunning ${ran.toFixed(2)} of ${seconds} s ` : "\r\u001b[K"),
  };
}

async function readModule(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new MachineError(
      "UNKNOWN_WORKLOAD",
      `cannot read ${path}: ${String(cause)}`,
      "Give the path of a user module, or a workload's name.",
      { cause },
    );
  }
}
