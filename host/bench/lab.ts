/**
 * Machines for benchmarks: booted, metered, with programs on them, and shut down whatever happens.
 *
 * Contract: `onMachine` gives the machine to `work` with its meter running. Invariant: the image is the one that
 * machines run, unless the bench compares images.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { METER_KIND_STAMP } from "../../kernel/records.ts";
import { MachineError } from "../errors.ts";
import { Machine } from "../machine.ts";
import type { StopTimes } from "../patch/stop-times.ts";
import type { Meter } from "../meter.ts";
import type { MachineOptions } from "../options.ts";
import { PACKAGE_ROOT } from "../platform/node/files.ts";
import type { Tools } from "./bench.ts";

export interface Lab {
  readonly machine: Machine;
  readonly meter: Meter;
}

export async function onMachine<T>(options: MachineOptions, tools: Tools, work: (lab: Lab) => Promise<T>): Promise<T> {
  const { signal } = tools;
  const machine = await Machine.boot({ callTimeoutMs: 60_000, requestTimeoutMs: 120_000, ...options }, { signal });
  try {
    return await work({ machine, meter: await machine.meter({ signal }) });
  } finally {
    await machine.shutdown();
  }
}

/** Stamps of the last stop, once every CPU has left it: the request itself is answered before. */
export async function wholeStop(machine: Machine): Promise<StopTimes> {
  for (;;) {
    const times = machine.stopTimes();
    if (times.complete) return times;
    await machine.run(LEAVING_S);
  }
}
const LEAVING_S = 0.0002;

/**
 * Makes a request and sleeps at once, as the floor's controller does: a host that goes about its business on a core
 * that a CPU needs would be measured with the machine.
 */
export async function askAndSleep(request: () => Promise<unknown>): Promise<void> {
  const done = request();
  await undefined; // the request is on its way: the library's first turn sends it
  Atomics.wait(NOTHING, 0, 0, ASKER_SLEEPS_MS);
  await done;
}
const ASKER_SLEEPS_MS = 1;
const NOTHING = new Int32Array(new SharedArrayBuffer(4));

/** Starts `count` copies of a program. */
export async function spawnAll(machine: Machine, program: string, count: number, argument = 0): Promise<number[]> {
  const pids = [];
  for (let i = 0; i < count; i++) pids.push(await machine.spawn(program, argument));
  return pids;
}

/** Starts sleepers, processes or threads of one, and waits until no CPU has anything left to do. */
export async function crowd({ machine, meter }: Lab, tasks: number, program: Crowd = "crowd"): Promise<void> {
  await machine.spawn(program, tasks);
  while (!meter.drain().some(({ kind }) => kind === METER_KIND_STAMP)) await machine.run(0.01);
  for (let switches = -1; switches !== machine.counters().total.switches; await machine.run(0.05)) {
    switches = machine.counters().total.switches;
  }
}

export type Crowd = "crowd" | "throng";

/** The patch of bench_step(), which cannot sleep, or one of a function that can; for the image `kernel`. */
export async function benchPatch(name: "bench-step" | "dirty-pipe" = "bench-step"): Promise<Uint8Array> {
  const path = join(PACKAGE_ROOT, `dist/patches/${name}.kernel.wasm`);
  return readFile(path).catch((cause: unknown) => {
    throw new MachineError("NO_IMAGE", `there is no ${path}`, "Build it: npm run build.", { cause });
  });
}

/** The part of what is left until `end` (performance.now()) that the first of `counts` CPUs gets: more CPUs need longer. */
export function share(end: number, counts: readonly number[]): number {
  const all = counts.reduce((sum, count) => sum + count, 0);
  return (Math.max(0, end - performance.now()) / 1000) * ((counts[0] ?? 0) / all);
}

/** Seconds that are left of a bench's time, measured from now. */
export function deadline(seconds: number): () => boolean {
  const end = performance.now() + seconds * 1000;
  return () => performance.now() >= end;
}
