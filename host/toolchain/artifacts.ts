/**
 * What a build makes, as data: each artifact can be made by any thread.
 *
 * Idea: an artifact is a name below dist and a job; the job, with the sources, is all that its bytes depend on.
 * Contract: `make` builds one job. Invariant: a job survives structured cloning, and its text is part of the fingerprint.
 */
import { join } from "node:path";
import { PACKAGE_ROOT } from "./compile.ts";
import { KERNEL_ENTRIES, KERNEL_IMAGES, OPTIMIZE_LEVEL, PATCHABLE_IMAGES, USER_IMAGE } from "./images.ts";
import { buildKernel, compileKernel } from "./kernel.ts";
import type { KernelBuild } from "./kernel.ts";
import { buildPatch } from "./patch.ts";
import { patchFolders, readBase, readPatchFiles } from "./patch-files.ts";
import type { CompiledSource } from "./source-unit.ts";
import { buildUser } from "./user.ts";
import type { UserBuild } from "./user.ts";

export type Job =
  | { readonly kind: "kernel"; readonly options: Omit<KernelBuild, "root"> }
  | { readonly kind: "user"; readonly options: Omit<UserBuild, "root"> }
  | { readonly kind: "patch"; readonly name: string; readonly diffs: readonly string[]; readonly image: string };

export type KernelJob = Extract<Job, { readonly kind: "kernel" }>;

export interface Artifact {
  /** Below dist, without ending. */
  readonly name: string;
  readonly job: Job;
}

export interface Made {
  readonly wasm: Uint8Array;
  /** Without one there is no `.map` file. */
  readonly sourceMap?: string;
}

/** Kernel images and user programs. */
export function images(): Artifact[] {
  const kernels = KERNEL_IMAGES.map(({ name, ...variant }): Artifact => {
    const options = { ...variant, entries: KERNEL_ENTRIES, optimizeLevel: OPTIMIZE_LEVEL, mapName: `${name}.wasm.map` };
    return { name: `images/${name}`, job: { kind: "kernel", options } };
  });
  const { name, ...rest } = USER_IMAGE;
  const options = { ...rest, optimizeLevel: OPTIMIZE_LEVEL, mapName: `${name}.wasm.map` };
  return [...kernels, { name: `images/${name}`, job: { kind: "user", options } }];
}

/** Every patch of patches/NAME for every image that takes patches; made when the images are there. */
export async function patches(): Promise<Artifact[]> {
  const folders = await patchFolders(join(PACKAGE_ROOT, "patches"));
  const sources = await Promise.all(folders.map((folder) => readPatchFiles([folder])));
  return sources.flatMap(({ name, diffs }) =>
    imagesOf(diffs).map((image) => ({ name: `patches/${name}.${image}`, job: { kind: "patch", name, diffs, image } })),
  );
}

/** The images that a lesson's header asks for (`Images  kernel-debug …`), or all. */
function imagesOf(diffs: readonly string[]): readonly string[] {
  const asked = /^Images\s+(.*)$/m.exec(diffs[0]?.split(/^--- /m)[0] ?? "")?.[1];
  return asked === undefined
    ? PATCHABLE_IMAGES
    : PATCHABLE_IMAGES.filter((image) => asked.split(/[\s:,]+/).includes(image));
}

/** Kernel images with the same name of this begin with the same compilation. */
export function sourceOf({ options: { debug, stepped } }: KernelJob): string {
  return JSON.stringify({ debug, stepped });
}

export function compileFor({ options }: KernelJob): Promise<CompiledSource> {
  return compileKernel({ root: PACKAGE_ROOT, ...options });
}

/** `source` is what compileFor() made for this kernel image, or for one that shares it. */
export async function make(job: Job, source?: CompiledSource): Promise<Made> {
  if (job.kind === "kernel") return buildKernel({ root: PACKAGE_ROOT, ...job.options }, source);
  if (job.kind === "user") return buildUser({ root: PACKAGE_ROOT, ...job.options });
  const { name, diffs, image } = job;
  const { base, baseData } = await readBase(PACKAGE_ROOT, image);
  return buildPatch({ root: PACKAGE_ROOT, diffs, name, base, baseData, optimizeLevel: OPTIMIZE_LEVEL });
}
