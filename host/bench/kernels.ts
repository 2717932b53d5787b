/**
 * Kernels that a benchmark calls into: booted on one CPU in this thread, and no further.
 *
 * Idea: up to the end of boot() nothing sleeps, so images without Asyncify get there too; from then on
 * bench_syscalls() makes system calls that need not sleep. Contract: `bootKernels` gives one kernel per image, each in
 * a memory of its own. Invariant: all of them lie in memory as on a machine (boot/placement.ts).
 */
import { place, write } from "../boot/placement.ts";
import { loadUserImage } from "../boot/images.ts";
import { succeeded } from "../errno.ts";
import { createMemory } from "../memory.ts";
import type { SharedMemory } from "../memory.ts";
import { checkOptions } from "../options.ts";
import { clockSince, epochNow } from "../platform/threads/time.ts";
import { readImage } from "../platform/node/files.ts";
import { readData, readMap } from "../toolchain/image.ts";
import type { KernelMap } from "../toolchain/image.ts";

/** Images by what they have: the first is what the others are compared with. */
export const IMAGES: readonly { readonly name: string; readonly has: string }[] = [
  { name: "kernel-plain", has: "neither" },
  { name: "kernel-hooked-atomic", has: "slots" },
  { name: "kernel-unhooked", has: "Asyncify" },
  { name: "kernel", has: "slots and Asyncify" },
];

interface BenchExports extends WebAssembly.Exports {
  readonly table: WebAssembly.Table;
  readonly cpu_init: (cpu: number) => void;
  readonly boot: () => void;
  readonly bench_syscalls: (nr: number, a: number, b: number, c: number, rounds: number) => number;
}

export interface Kernel {
  readonly image: string;
  readonly has: string;
  readonly memory: SharedMemory;
  readonly table: WebAssembly.Table;
  readonly map: KernelMap;
  /** Makes a system call `rounds` times; gives the last result. Errors are refused. */
  readonly syscalls: (nr: number, a: number, b: number, c: number, rounds: number) => number;
}

const MEMORY_MIB = 16;

export async function bootKernels(): Promise<Kernel[]> {
  const kernels = [];
  for (const { name, has } of IMAGES) kernels.push(await bootKernel(name, has));
  return kernels;
}

/** One of them. */
export async function bootKernel(name: string, has: string): Promise<Kernel> {
  const settings = checkOptions({ cpus: 1, memoryMiB: MEMORY_MIB });
  const { bytes } = await readImage(name);
  const module = new WebAssembly.Module(new Uint8Array(bytes));
  const image = { module, map: readMap(module) as KernelMap, data: readData(module), sourceMap: "" };
  const user = loadUserImage(await readImage("user"));
  const memory = createMemory(settings.memoryMiB);
  write(place(settings, image, user), memory);
  const env = {
    memory: memory.memory,
    clock_ns: clockSince(epochNow()),
    step: () => 0,
    trace_caller: () => 0,
    backtrace: () => 0,
  };
  const kernel = new WebAssembly.Instance(module, { env }).exports as BenchExports;
  kernel.cpu_init(0);
  kernel.boot();
  const syscalls: Kernel["syscalls"] = (nr, a, b, c, rounds) =>
    succeeded(kernel.bench_syscalls(nr, a, b, c, rounds), `system call ${nr} in ${name}`);
  return { image: name, has, memory, table: kernel.table, map: image.map, syscalls };
}
