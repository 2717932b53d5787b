/**
 * Patches of the package's own kernel images, written as replacements of source text; built once, kept in dist.
 *
 * Text that the kernel no longer holds is a failure, not a skip.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createTwoFilesPatch } from "diff";
import { PACKAGE_ROOT } from "../host/toolchain/compile.ts";
import { fingerprint } from "../host/toolchain/fingerprint.ts";
import { readMap } from "../host/toolchain/image.ts";
import type { KernelMap } from "../host/toolchain/image.ts";
import { buildPatch } from "../host/toolchain/patch.ts";

/** What a patch changes, file by file below kernel/. */
export type Edits = Readonly<Record<string, readonly (readonly [from: string, to: string])[]>>;

export type ImageName = "kernel-stepped" | "kernel-debug" | "kernel";

const CACHE = join(PACKAGE_ROOT, "dist/test-images");

export async function kernelImage(image: ImageName): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await readFile(join(PACKAGE_ROOT, `dist/images/${image}.wasm`)));
}

export async function kernelMap(image: ImageName): Promise<KernelMap> {
  return readMap(new WebAssembly.Module(await kernelImage(image)));
}

/** The bytes of a patch with these edits, named `name`, for `image`. */
export async function patchImage(name: string, edits: Edits, image: ImageName = "kernel-stepped"): Promise<Uint8Array> {
  const base = await kernelMap(image);
  const print = await fingerprint(join(PACKAGE_ROOT, "kernel"), { name, edits, identity: base.identity });
  const file = join(CACHE, `${createHash("sha256").update(print).digest("hex").slice(0, 16)}.patch.wasm`);
  const cached = await readFile(file).catch(() => undefined);
  if (cached) return new Uint8Array(cached);
  const diffs = await Promise.all(Object.entries(edits).map(([path, texts]) => diffOf(path, texts)));
  const { wasm } = await buildPatch({ root: PACKAGE_ROOT, diffs, name, base, optimizeLevel: 2 });
  await mkdir(CACHE, { recursive: true });
  await writeFile(file, wasm);
  return wasm;
}

async function diffOf(path: string, texts: Edits[string]): Promise<string> {
  const before = await readFile(join(PACKAGE_ROOT, "kernel", path), "utf8");
  const after = texts.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`kernel/${path} no longer holds what a test's patch replaces: ${from}`);
    return text.replace(from, () => to);
  }, before);
  return createTwoFilesPatch(`a/kernel/${path}`, `b/kernel/${path}`, before, after);
}
