/**
 * The lesson under the checker: the same patch on a machine that records which version each call met.
 *
 * Idea: recording costs time, so figures come from one machine and the check from another, with the debug image.
 * Contract: calls of the replaced functions before, during and after the switch; what breaks the model's promise.
 */
import { readPatch } from "./toolchain/patch-format.ts";
import type { PatchModel } from "./toolchain/patch-format.ts";
import type { CallOptions } from "./abort.ts";
import { checkTrace, ORIGINAL } from "./check/oracle.ts";
import { Machine } from "./machine.ts";
import type { MachineOptions } from "./options.ts";
import { planTasks } from "./workload.ts";
import type { Workload } from "./workload.ts";

export interface CheckPlan {
  readonly machine: MachineOptions;
  readonly model: PatchModel;
  /** Built for the image that records: kernel-debug, or kernel-stepped. */
  readonly patch: Uint8Array;
  readonly workload: Workload;
  /** A program that calls what the patch replaces, if the user image has one. */
  readonly caller: string | undefined;
}

export interface CheckReport {
  readonly old: number;
  readonly new: number;
  /** Calls, of both sides, that asked the slow stub which. */
  readonly stub: number;
  /** Calls that were made but not recorded. */
  readonly lost: number;
  readonly violations: readonly string[];
}

/** Calls of the caller before the switch, beside it, and after it. */
const CALLS = 4;
const ATTEMPTS = 50;

export async function checkLesson(plan: CheckPlan, options: CallOptions): Promise<CheckReport> {
  const machine = await Machine.boot({ ...plan.machine, debug: true }, options);
  try {
    const { info } = readPatch(new WebAssembly.Module(new Uint8Array(plan.patch)));
    const slots = info.functions.map(({ slot }) => slot);
    for (const { program, argument } of planTasks(plan.workload)) await machine.spawn(program, argument, options);
    machine.setDeviceHz(plan.workload.deviceHz);
    await machine.watch(slots, options);
    const { stubCalls } = machine.counters().total;
    await call(machine, plan.caller, options);
    const { model, patch } = plan;
    const load = machine.load(patch, { ...options, model, attempts: ATTEMPTS, noWait: true });
    const loaded = await load;
    await call(machine, plan.caller, options);
    await machine.patchSettled(loaded, options);
    await call(machine, plan.caller, options);
    const { records, calls, lost } = machine.trace();
    const violations = checkTrace(records, { name: loaded.name, slots, model });
    const old = calls.filter(({ version }) => version === ORIGINAL).length;
    return {
      old,
      new: calls.length - old,
      stub: machine.counters().total.stubCalls - stubCalls,
      lost,
      violations: violations.map(({ rule, who, trip }) => `${rule}: ${who}, trip ${trip}`),
    };
  } finally {
    await machine.shutdown();
  }
}

async function call(machine: Machine, program: string | undefined, options: CallOptions): Promise<void> {
  if (!program) return;
  const pids = [];
  await machine.wait(await machine.spawn("vault", 0, options), options);
  for (let i = 0; i < CALLS; i++) pids.push(await machine.spawn(program, 0, options));
  for (const pid of pids) await machine.wait(pid, options);
}
