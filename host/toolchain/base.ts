/**
 * Whether a kernel image and a source folder belong together, and take patches and modules at all.
 *
 * Contract: SOURCE_DIFFERS otherwise. Invariant: what passes was built from the very files that will be compiled again.
 */
import { MachineError } from "../errors.ts";
import { sourceDigest } from "./fingerprint.ts";
import type { KernelMap } from "./image.ts";

export function checkBase(root: string, base: KernelMap): void {
  if (!base.variant.hooks || base.variant.asyncify === "none") {
    throw new MachineError(
      "SOURCE_DIFFERS",
      "the kernel image has no hooks, or cannot sleep, so it takes no patches",
      "Build the patch for the image kernel, kernel-debug or kernel-stepped.",
    );
  }
  if (sourceDigest(root) === base.source) return;
  throw new MachineError(
    "SOURCE_DIFFERS",
    `the source in ${root} is not the one that the kernel image was built from`,
    "Build the image again with `npm run build`, or give the folder that it was built from.",
  );
}
