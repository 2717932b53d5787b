/**
 * What several files of tests build, built here first: this file shares its process with others, so that the compilers
 * are warm; those that boot machines with threads have a process each, and find it on the disk.
 */
import { describe, expect, it } from "vitest";
import { failingImage } from "../failing-image.ts";
import { programsImage } from "../programs-image.ts";
import { selftestImage } from "../selftest-image.ts";

const BUILD_MS = 300_000;

const KERNELS: Readonly<Record<string, () => Promise<{ kernel: Uint8Array }>>> = {
  "with self-tests": () => selftestImage({ stepped: false }),
  "that fails when asked": () => failingImage(false),
  "that fails when asked, stepped": () => failingImage(true),
};

describe("what tests share is built:", () => {
  it.each(Object.entries(KERNELS))("a kernel %s", { timeout: BUILD_MS }, async (_what, build) => {
    expect(WebAssembly.validate(new Uint8Array((await build()).kernel))).toBe(true);
  });

  it.each(["processes", "files", "fuzz"])("programs of test/%s", { timeout: BUILD_MS }, async (folder) => {
    expect(WebAssembly.validate(await programsImage(`test/${folder}/programs/main.ts`))).toBe(true);
  });
});
