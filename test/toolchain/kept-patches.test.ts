/**
 * What several files of tests build, built here first: this file shares its process with others, so that the compilers
 * are warm; those that boot machines with threads have a process each, and find it on the disk.
 */
import { describe, expect, it } from "vitest";
import { FAULTY, IRQD, PAIR, PULSE, SLEEPY, TIMERS } from "../livepatch/patches.ts";
import { moduleImage, modulePatch } from "../module-image.ts";
import { FIX, HELLO, LATE, NEWER, PROBE } from "../modules/fixes.ts";
import { patchImage } from "../patch-image.ts";
import type { Edits, ImageName } from "../patch-image.ts";

const BUILD_MS = 300_000;

const MODULES: readonly { path: string; images: readonly ImageName[] }[] = [
  { path: "modules/hello/hello.ts", images: ["kernel-debug", "kernel-stepped"] },
  { path: "modules/livepatch-sample/livepatch-sample.ts", images: ["kernel-debug"] },
  { path: "test/modules/sources/probe.ts", images: ["kernel-debug", "kernel-stepped"] },
  { path: "test/modules/sources/watcher.ts", images: ["kernel-debug"] },
];
const STEPPED: readonly ImageName[] = ["kernel-stepped"];
const PATCHES: readonly { name: string; edits: Edits; images: readonly ImageName[] }[] = [
  { name: "pair", edits: PAIR, images: ["kernel-debug", "kernel", "kernel-stepped"] },
  { name: "faulty", edits: FAULTY, images: ["kernel", "kernel-stepped"] },
  { name: "pulse", edits: PULSE, images: STEPPED },
  { name: "irqd", edits: IRQD, images: STEPPED },
  { name: "fix", edits: SLEEPY, images: STEPPED },
  { name: "fix", edits: TIMERS, images: STEPPED },
];
const MODULE_PATCHES = [
  ["fix", HELLO, FIX],
  ["newer", HELLO, NEWER],
  ["late", PROBE, LATE],
] as const;

describe("what tests share is built:", () => {
  it.each(MODULES)("module $path", { timeout: BUILD_MS }, async ({ path, images }) => {
    for (const image of images) expect(WebAssembly.validate(await moduleImage(path, image))).toBe(true);
  });

  it.each(MODULE_PATCHES)("patch %s of a module", { timeout: BUILD_MS }, async (name, path, texts) => {
    expect(WebAssembly.validate(await modulePatch(path, "kernel-debug", name, texts))).toBe(true);
  });

  it.each(PATCHES)("patch $name", { timeout: BUILD_MS }, async ({ name, edits, images }) => {
    for (const image of images) {
      expect(WebAssembly.validate(new Uint8Array(await patchImage(name, edits, image)))).toBe(true);
    }
  });
});
