/**
 * What other processes ask a running machine about its patches: rows of the listener's table.
 *
 * Contract: `load` and `unload` wait for the transition; when it stalls, tasks that sleep are signalled once, and when it
 * has not ended in time it is turned around and refused with who was in the way. Invariant: a call that failed leaves the
 * patch where it was before.
 */
import { MachineError } from "../errors.ts";
import type { Machine } from "../machine.ts";
import type { LoadedPatch } from "../patch/patcher.ts";
import type { PatchModel } from "../toolchain/patch-format.ts";
import type { Call } from "./serve.ts";

/** Share of the time limit after which tasks that sleep are signalled. */
const SIGNAL_AFTER = 0.25;
const UNLOAD_PAUSE_SECONDS = 0.1;
const LOOK_SECONDS = 0.001;

export interface ListedPatch {
  readonly name: string;
  readonly model: string;
  readonly state: string;
  /** Tasks that have not moved. */
  readonly remaining: number;
  readonly functions: readonly string[];
}

const MOVING: ReadonlySet<string> = new Set(["enabling", "disabling"]);

export const PATCH_OPERATIONS: Readonly<Record<string, (call: Call) => Promise<unknown>>> = {
  /** Which image patches must be made for. */
  variant: async ({ machine: { settings } }) =>
    settings.platform === "stepped" ? "kernel-stepped" : settings.debug ? "kernel-debug" : "kernel",
  load: async (call) => {
    const { machine, request } = call;
    const bytes = new Uint8Array(Buffer.from(String(request["bytes"]), "base64"));
    const model = request["model"] as PatchModel;
    if (request["noWait"]) return begun(call, await machine.load(bytes, { model, noWait: true }));
    return listed(machine, await withinLimit(call, machine.load(bytes, { model })));
  },
  unload: async (call) => {
    const { machine, request, signal } = call;
    const patch = named(machine, String(request["patch"]));
    const { state } = await machine.patchStatus(patch);
    if (state === "enabled" || MOVING.has(state)) {
      if (request["noWait"]) {
        await machine.disable(patch, { noWait: true });
        return begun(call, patch);
      }
      await withinLimit(call, machine.disable(patch));
    }
    const gone: ListedPatch = { ...(await listed(machine, patch)), state: "unloaded" };
    await unloadWhenFree(machine, patch, Number(request["timeout"]), signal);
    return gone;
  },
  list: async ({ machine }) => Promise.all(machine.patches().map((patch) => listed(machine, patch))),
  blocking: async ({ machine }) => ({ patch: (await moving(machine))?.name ?? null, report: await machine.blockers() }),
  signal: async ({ machine }) => ({ patch: (await required(machine)).name, tasks: await machine.signalBlockers() }),
  reverse: async ({ machine }) => {
    const patch = await required(machine);
    const { state } = await machine.patchStatus(patch);
    await machine.write(patch.path("enabled"), state === "enabling" ? "0" : "1");
    return listed(machine, patch);
  },
  force: async ({ machine }) => {
    const patch = await required(machine);
    await machine.write(patch.path("force"), "1");
    await machine.patchSettled(patch);
    return listed(machine, patch);
  },
};

/** The patch when it is known who has to move, or nobody has to any more: livepatchd begins behind its asker. */
async function begun({ machine, signal }: Call, patch: LoadedPatch): Promise<ListedPatch> {
  for (;;) {
    const now = await listed(machine, patch);
    if (now.remaining > 0 || !MOVING.has(now.state)) return now;
    await machine.run(LOOK_SECONDS, { signal });
  }
}

async function listed(machine: Machine, patch: LoadedPatch): Promise<ListedPatch> {
  const { state, remaining } = await machine.patchStatus(patch);
  const { name, model, functions } = patch;
  return { name, model, functions, state, remaining: MOVING.has(state) ? remaining : 0 };
}

function named(machine: Machine, name: string): LoadedPatch {
  const patch = machine.patches().find((one) => one.name === name);
  if (patch) return patch;
  throw new MachineError("NOT_LOADED", `patch ${name} is not loaded`, "See those that are: wlp list");
}

/** The patch on its way in or out. */
async function moving(machine: Machine): Promise<LoadedPatch | undefined> {
  for (const patch of machine.patches()) if (MOVING.has((await machine.patchStatus(patch)).state)) return patch;
  return undefined;
}

async function required(machine: Machine): Promise<LoadedPatch> {
  const patch = await moving(machine);
  if (patch) return patch;
  throw new MachineError("PATCH_STATE", "no transition is under way", "See the states of patches: wlp list");
}

/** Waits for the transition that `work` waits for, with a nudge on the way; turns it around when it takes too long. */
async function withinLimit<T>({ machine, request, signal, output }: Call, work: Promise<T>): Promise<T> {
  const seconds = Number(request["timeout"]);
  const say = (text: string): void => output(new TextEncoder().encode(`${text}\n`));
  const over = work.then(
    () => true,
    () => true,
  );
  if (!(await within(over, seconds * SIGNAL_AFTER, signal))) {
    const patch = await moving(machine);
    if (patch) say(`patch ${patch.name}: the transition stalls; signalling ${await machine.signalBlockers()} tasks`);
  }
  if (!(await within(over, seconds * (1 - SIGNAL_AFTER), signal))) {
    const patch = await moving(machine);
    const report = patch ? await machine.blockers() : "";
    const back = patch && (await machine.patchStatus(patch)).state === "enabling" ? "0" : "1";
    const turned =
      patch &&
      (await machine.write(patch.path("enabled"), back).then(
        () => true,
        () => false, // it has ended just now
      ));
    if (patch && turned) {
      // Those that had moved may be asleep in their turn.
      while (!signal.aborted && !(await within(over, 1, signal))) await machine.signalBlockers();
      throw stalled(patch.name, seconds, report);
    }
  }
  return work;
}

function stalled(name: string, seconds: number, report: string): MachineError {
  return new MachineError(
    "TRANSITION_STALLED",
    `patch ${name}: not done after ${seconds} s, so it was turned around; in the way were\n${report.trimEnd()}`,
    "End those tasks or wait for them, and try again; --no-wait leaves the transition under way.",
  );
}

/** Whether `work` ended within so many seconds; a caller who leaves ends the wait. */
async function within(work: Promise<unknown>, seconds: number, signal: AbortSignal): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), signal.aborted ? 0 : seconds * 1000);
    signal.addEventListener("abort", () => resolve(false), { once: true });
  });
  try {
    return (await Promise.race([work.then(() => true as const), limit])) === true;
  } finally {
    clearTimeout(timer);
  }
}

/** A last task may be on its way out of the patch. */
async function unloadWhenFree(
  machine: Machine,
  patch: LoadedPatch,
  seconds: number,
  signal: AbortSignal,
): Promise<void> {
  for (const started = performance.now(); ;) {
    try {
      return await machine.unload(patch);
    } catch (error) {
      const inUse = error instanceof MachineError && error.code === "PATCH_IN_USE";
      if (!inUse || signal.aborted || performance.now() - started > seconds * 1000) throw error;
    }
    await machine.run(UNLOAD_PAUSE_SECONDS, { signal });
  }
}
