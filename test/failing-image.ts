/** A kernel that fails when it is asked to: the rows of test/kernel/failing.ts. */
import { buildKernel } from "../host/toolchain/kernel.ts";
import { PACKAGE_ROOT } from "../host/toolchain/compile.ts";

export const FAILURE = { panic: 0, trapWithLock: 1, sleepForEver: 2, busyWait: 3, unknownExit: 4 } as const;

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
];
/** Row of the first of them. */
export const FIRST_ASSERTION: number = Object.keys(FAILURE).length;

export async function failingImage(stepped: boolean): Promise<{ kernel: Uint8Array }> {
  const entries = ["kernel/main.ts", "test/kernel/failing.ts"];
  const variant = { debug: true, stepped, hooks: true, asyncify: "sleepable" as const };
  const built = await buildKernel({ root: PACKAGE_ROOT, entries, ...variant, optimizeLevel: 1, mapName: "" });
  return { kernel: built.wasm };
}
