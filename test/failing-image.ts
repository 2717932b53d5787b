/** A kernel that fails when it is asked to: the rows of test/kernel/failing.ts. */
import { join } from "node:path";
import { PACKAGE_ROOT } from "../host/toolchain/compile.ts";
import { fingerprint } from "../host/toolchain/fingerprint.ts";
import { buildKernel } from "../host/toolchain/kernel.ts";
import { kept } from "./kept.ts";

export const FAILURE = {
  panic: 0,
  trapWithLock: 1,
  sleepForEver: 2,
  busyWait: 3,
  unknownExit: 4,
  trap: 5,
  trapWithMutex: 6,
  trapInWork: 7,
  softLockup: 8,
  hardLockup: 9,
  lockupInNoise: 10,
  panicInNoise: 11,
} as const;

/** What a debug build must notice: the rows behind those, with what the panic says. */
export const ASSERTIONS: readonly { readonly when: string; readonly says: RegExp }[] = [
  { when: "a safepoint is passed with a spin lock held", says: /safepoint in atomic context/ },
  { when: "a safepoint is passed with preemption off", says: /safepoint in atomic context/ },
  { when: "a task sleeps with a spin lock held", says: /scheduling while atomic/ },
  { when: "a spin lock is taken twice by one CPU", says: /recursive spin lock: twice on CPU 0/ },
  { when: "a spin lock is given back that nobody holds", says: /unlock by a CPU that does not hold it: never taken/ },
  { when: "interrupts are turned on that were not off", says: /irq_enable\(\) without irq_disable\(\)/ },
  { when: "a freed slab object is written to", says: /a free slab object was written to/ },
  { when: "a slab object is freed twice", says: /double free of a slab object/ },
  { when: "a freed page is written to", says: /a free page was written to/ },
  { when: "a page is freed twice", says: /free_pages\(\) twice, or with another order/ },
  {
    when: "pages are freed with another order than they were taken with",
    says: /free_pages\(\) twice, or with another/,
  },
  {
    when: "a mutex is given back by a task that does not hold it",
    says: /unlock of a mutex by a task that does not hold it: precious, by hostd\[\d+\], held by keeper\[\d+\]/,
  },
  {
    when: "a mutex is taken twice by one task",
    says: /recursive mutex: twice, by hostd\[(\d+)\], held by hostd\[\1\]/,
  },
];
/** Row of the first of them. */
export const FIRST_ASSERTION: number = Object.keys(FAILURE).length;

/** What the audit must name although the machine goes on: the rows behind those; with what the log says. */
export const FINDINGS: readonly { readonly when: string; readonly finding: RegExp; readonly log: RegExp }[] = [
  {
    when: "two locks are taken in either order, although nobody ever waited",
    finding: /^possible circular locking dependency: beta -> alpha$/,
    log: /hostd\[\d+\] on CPU \d takes alpha and holds beta\n.* {2}beta -> alpha: now, by hostd\[\d+\]\n.* {2}alpha -> beta: before, by hostd\[\d+\]/,
  },
  {
    when: "three tasks take locks in a circle",
    finding: /^possible circular locking dependency: gamma -> alpha$/,
    log: /third\[\d+\] on CPU \d takes alpha and holds gamma\n.* {2}gamma -> alpha: now, by third\[\d+\]\n.* {2}alpha -> beta: before, by first\[\d+\]\n.* {2}beta -> gamma: before, by second\[\d+\]/,
  },
  {
    when: "two mutexes are taken in either order",
    finding: /^possible circular locking dependency: beta -> alpha$/,
    log: /takes alpha and holds beta/,
  },
  {
    when: "two locks of one name are held at once, of which nothing says which comes first",
    finding: /^possible circular locking dependency: sibling -> sibling$/,
    log: /takes sibling and holds sibling/,
  },
  {
    when: "a task sleeps and holds a mutex",
    finding: /^mutex held: precious by pid \d+ keeper$/,
    log: /machine is up/,
  },
  {
    when: "a task ends and holds a mutex",
    finding: /^mutexes of tasks that ended: 1, precious$/,
    log: /forgetful\[\d+\] ended and holds mutex precious/,
  },
];
/** Row of the first of them. */
export const FIRST_FINDING: number = FIRST_ASSERTION + ASSERTIONS.length;

export async function failingImage(stepped: boolean): Promise<{ kernel: Uint8Array }> {
  const entries = ["kernel/main.ts", "test/kernel/failing.ts"];
  const variant = { debug: true, stepped, hooks: true, asyncify: "sleepable" as const };
  const options = { entries, ...variant, optimizeLevel: 1, mapName: "" };
  const folders = ["kernel", "test/kernel"];
  const prints = await Promise.all(folders.map((folder) => fingerprint(join(PACKAGE_ROOT, folder), options)));
  return { kernel: await kept(prints, async () => (await buildKernel({ root: PACKAGE_ROOT, ...options })).wasm) };
}
