/**
 * The images that a build makes, one row each.
 *
 * Idea: variants differ by a few switches; a user picks one by name, and benchmarks compare them.
 * Contract: `dist/images/<name>.wasm` and `<name>.wasm.map`. Invariant: an image's name says how it differs from
 * `kernel`, which is what a machine runs unless told otherwise.
 */
import type { Variant } from "./image.ts";

export interface KernelVariant extends Variant {
  readonly name: string;
}

export const KERNEL_IMAGES: readonly KernelVariant[] = [
  { name: "kernel", debug: false, stepped: false, hooks: true, asyncify: "sleepable" },
  { name: "kernel-debug", debug: true, stepped: false, hooks: true, asyncify: "sleepable" },
  // Deterministic testing: assertions on, and every function can yield.
  { name: "kernel-stepped", debug: true, stepped: true, hooks: true, asyncify: "sleepable" },
  // What hooks and unwinding cost: the same source without one, the other, both.
  { name: "kernel-unhooked", debug: false, stepped: false, hooks: false, asyncify: "sleepable" },
  { name: "kernel-hooked-atomic", debug: false, stepped: false, hooks: true, asyncify: "none" },
  { name: "kernel-plain", debug: false, stepped: false, hooks: false, asyncify: "none" },
];

/** Images that take patches; the first is the one that a machine runs unless told otherwise. */
export const PATCHABLE_IMAGES: readonly string[] = KERNEL_IMAGES.filter(
  ({ hooks, asyncify }) => hooks && asyncify !== "none",
).map(({ name }) => name);

export const OPTIMIZE_LEVEL = 2;

export const KERNEL_ENTRIES: readonly string[] = ["kernel/main.ts"];

/** The programs that every machine has. */
export const USER_IMAGE = { name: "user", entry: "kernel/user/main.ts", heapBytes: 512 } as const;
