/** What the live-patch tests share: a busy machine, and what must be true of it afterwards. */
import { expect } from "vitest";
import { checkTrace, Machine } from "../../host/index.ts";
import type { CallRecord, CheckedPatch, LoadedPatch, MachineOptions, TracedCalls } from "../../host/index.ts";
import { readPatch } from "../../host/toolchain/patch-format.ts";

const SIGTERM = 15;

/** Programs with an argument each. */
export type Load = readonly (readonly [program: string, argument: number])[];

export const PIPES: Load = [
  ["pipes", 1],
  ["pipes", 50],
];

/** Everything that the workload programs do. */
export const FULL: Load = [...PIPES, ["files", 1], ["sleeper", 200], ["spinner", 0], ["spawner", 0]];

/** Runs `work` on a machine under load; afterwards no program has seen anything wrong and nothing is left behind. */
export async function underLoad<T>(
  options: MachineOptions,
  load: Load,
  work: (machine: Machine, pids: readonly number[]) => Promise<T>,
): Promise<T> {
  const machine = await Machine.boot({ platform: "stepped", memoryMiB: 16, ...options });
  try {
    const pids: number[] = [];
    for (const [program, argument] of load) pids.push(await machine.spawn(program, argument));
    const result = await work(machine, pids);
    await endLoad(machine, pids);
    return result;
  } finally {
    await machine.shutdown();
  }
}

export async function endLoad(machine: Machine, pids: readonly number[]): Promise<void> {
  machine.setDeviceHz(0);
  for (const pid of pids) await machine.kill(pid);
  for (const pid of pids) expect(await machine.wait(pid)).toBe(SIGTERM); // it was still at it, and content
  for (const patch of machine.patches().toReversed()) {
    if ((await machine.patchStatus(patch)).state === "enabled") await machine.disable(patch);
    await machine.unload(patch);
  }
  expect(await machine.audit()).toEqual([]);
}

/** The slots that a patch will take, known before it is loaded. */
export function slotsOf(bytes: Uint8Array): number[] {
  return readPatch(new WebAssembly.Module(new Uint8Array(bytes))).info.functions.map(({ slot }) => slot);
}

/** The result of `work`, and the watched calls meanwhile; the ring is emptied as it fills. */
export async function traced<T>(machine: Machine, work: () => Promise<T>): Promise<TracedCalls & { result: T }> {
  machine.trace();
  const records: CallRecord[] = [];
  let lost = 0;
  const drain = (): void => {
    const part = machine.trace();
    records.push(...part.records);
    lost += part.lost;
  };
  const timer = setInterval(drain, 1);
  try {
    const result = await work();
    drain();
    return { records, calls: records.filter(({ ends }) => !ends), lost, result };
  } finally {
    clearInterval(timer);
  }
}

/** What the checker says of what was recorded. */
export function violations({ records }: TracedCalls, patch: CheckedPatch): string[] {
  return checkTrace(records, patch).map(({ text }) => text);
}

/** Every CPU's slots lead to `version`. */
export async function expectSlots(
  machine: Machine,
  { slots }: Pick<LoadedPatch, "slots">,
  version: string,
): Promise<void> {
  const entries = await machine.slotEntries(slots);
  expect(entries).toEqual(entries.map(() => slots.map(() => version)));
}

/** Lines that live patching wrote to the kernel log, without their times. */
export function patchLog(machine: Machine): string[] {
  return machine
    .log()
    .map((line) => line.replace(/^\[ *\d+\.\d+\] /, ""))
    .filter((line) => /^(kpatch|kgr|livepatch): /.test(line));
}
