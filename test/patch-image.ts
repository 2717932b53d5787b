/**
 * Patches of the package's own kernel images, and of ones with a planted bug, written as replacements of source text; built once, kept in dist.
 *
 * Text that the kernel no longer holds is a failure, not a skip.
 */
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createTwoFilesPatch } from "diff";
import { PACKAGE_ROOT } from "../host/toolchain/compile.ts";
import { fingerprint } from "../host/toolchain/fingerprint.ts";
import { readMap } from "../host/toolchain/image.ts";
import type { KernelMap } from "../host/toolchain/image.ts";
import { KERNEL_ENTRIES } from "../host/toolchain/images.ts";
import { buildKernel } from "../host/toolchain/kernel.ts";
import { buildPatch } from "../host/toolchain/patch.ts";
import { CACHE, kept } from "./kept.ts";
import { plant } from "./selftest-image.ts";

/** What a patch changes, file by file below kernel/. */
export type Edits = Readonly<Record<string, readonly (readonly [from: string, to: string])[]>>;

export type ImageName = "kernel-stepped" | "kernel-debug" | "kernel";

/** A kernel image with the source that it was built from. */
export interface Kernel {
  readonly root: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly map: KernelMap;
}

/** An image of the package. */
export async function kernelImage(image: ImageName): Promise<Kernel> {
  return kernelOf(PACKAGE_ROOT, await readFile(join(PACKAGE_ROOT, `dist/images/${image}.wasm`)));
}

/** A stepped image with a bug of test/planted; its source is kept beside it, for patches to be built from. */
export async function plantedImage(planted: string): Promise<Kernel> {
  const diff = await readFile(join(PACKAGE_ROOT, `test/planted/${planted}.diff`), "utf8");
  const root = join(CACHE, await digest({ diff }), "/");
  const file = join(root, "kernel.wasm");
  const cached = await readFile(file).catch(() => undefined);
  if (cached) return kernelOf(root, cached);
  await rm(root, { recursive: true, force: true });
  await cp(join(PACKAGE_ROOT, "kernel"), join(root, "kernel"), { recursive: true });
  await plant(root, diff);
  const variant = { debug: true, stepped: true, hooks: true, asyncify: "sleepable" as const };
  const { wasm } = await buildKernel({ root, entries: KERNEL_ENTRIES, ...variant, optimizeLevel: 1, mapName: "" });
  await writeFile(file, wasm);
  return kernelOf(root, wasm);
}

function kernelOf(root: string, bytes: Uint8Array): Kernel {
  return { root, bytes: new Uint8Array(bytes), map: readMap(new WebAssembly.Module(new Uint8Array(bytes))) };
}

const digest = async (options: unknown): Promise<string> =>
  fingerprint(join(PACKAGE_ROOT, "kernel"), options).slice(0, 16);

/** The bytes of a patch with these edits, named `name`. */
export async function patchImage(
  name: string,
  edits: Edits,
  kernel: ImageName | Kernel = "kernel-stepped",
): Promise<Uint8Array> {
  const { root, map } = typeof kernel === "string" ? await kernelImage(kernel) : kernel;
  const question = await digest({ name, edits, identity: map.identity });
  return kept(question, async () => {
    const diffs = await Promise.all(Object.entries(edits).map(([path, texts]) => diffOf(path, texts)));
    return (await buildPatch({ root, diffs, name, base: map, optimizeLevel: 1 })).wasm;
  });
}

async function diffOf(path: string, texts: Edits[string]): Promise<string> {
  const before = await readFile(join(PACKAGE_ROOT, "kernel", path), "utf8");
  const after = texts.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`kernel/${path} no longer holds what a test's patch replaces: ${from}`);
    return text.replace(from, () => to);
  }, before);
  return createTwoFilesPatch(`a/kernel/${path}`, `b/kernel/${path}`, before, after);
}
