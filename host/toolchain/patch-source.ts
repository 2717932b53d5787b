/**
 * Kernel source plus unified diffs → a patched copy of the source.
 *
 * Idea: a patch is what an author would have committed; it is applied to a copy and compiled like any kernel.
 * Contract: diffs name files below `kernel/`, or those of one kernel module, with or without the `a/` and `b/` of git; every hunk fits exactly, at
 * its line or at another, or PATCH_DOES_NOT_APPLY names file and hunk. Invariant: nothing outside the copy is written.
 */
import { applyPatch, parsePatch } from "diff";
import type { StructuredPatch } from "diff";
import { copyFileSync, mkdirSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, posix, relative } from "node:path";
import { MachineError } from "../errors.ts";
import { filesBelow } from "./fingerprint.ts";
import type { HookName } from "./patch-format.ts";

/** A hook is found by its name alone; nobody in the kernel calls it, so the compiler must be asked for it. */
const HOOK = /^\s*(?:@\w+\s+)*export function klp_((?:pre|post)_(?:un)?patch)\b/gm;
const USER_PROGRAMS = "kernel/user/";
const HOOK_ENTRY = "kernel/klp_hooks.ts";

/** A file of a kernel module. */
export interface ModuleFile {
  /** `hello.ts` */
  readonly name: string;
  readonly text: string;
}

/** A kernel module's source, which lies beside the kernel's in the copy. */
export interface ModulePart {
  /** Ending in a slash. */
  readonly folder: string;
  readonly files: readonly ModuleFile[];
}

export interface PatchedSource {
  readonly root: string;
  readonly entries: readonly string[];
  /** Paths of the functions that the patch's author wants called around the transition. */
  readonly hooks: Readonly<Partial<Record<HookName, string>>>;
  dispose(): Promise<void>;
}

/** A copy of `root`'s sources with the diffs applied in turn. */
export async function patchSource(
  root: string,
  entries: readonly string[],
  diffs: readonly string[],
  module?: ModulePart,
): Promise<PatchedSource> {
  const copy = await mkdtemp(join(tmpdir(), "wlp-patch-"));
  const dispose = (): Promise<void> => rm(copy, { recursive: true, force: true });
  try {
    const folders = new Set(entries.map((entry) => dirname(entry)).concat("kernel"));
    for (const folder of folders) copySources(root, copy, folder);
    if (module) {
      await mkdir(join(copy, module.folder), { recursive: true });
      for (const { name, text } of module.files) await writeFile(join(copy, module.folder, name), text);
    }
    const touched = new Set<string>();
    for (const diff of diffs) for (const file of await applyDiff(copy, diff, module?.folder)) touched.add(file);
    const hooks = await findHooks(copy, touched);
    const files = Object.entries(hooks).map(([name, path]) => [`klp_${name}`, dirname(path)] as const);
    if (files.length === 0) return { root: copy, entries, hooks, dispose };
    const text = files.map(([name, file]) => `export { ${name} } from "./${posix.relative("kernel", file)}";\n`);
    await writeFile(join(copy, HOOK_ENTRY), text.join(""));
    return { root: copy, entries: [...entries, HOOK_ENTRY], hooks, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Copies what a kernel is made of: programs of users are in no patch. */
function copySources(root: string, copy: string, folder: string): void {
  const files = filesBelow(join(root, folder)).map((path) => relative(root, path));
  const wanted = files.filter((file) => !file.startsWith(USER_PROGRAMS));
  for (const place of new Set(wanted.map((file) => dirname(file)))) mkdirSync(join(copy, place), { recursive: true });
  for (const file of wanted) copyFileSync(join(root, file), join(copy, file));
}

/** Applies one diff; returns the files it left behind. */
async function applyDiff(root: string, diff: string, folder?: string): Promise<string[]> {
  const left: string[] = [];
  for (const patch of parse(diff)) {
    const before = fileOf(patch.oldFileName);
    const after = fileOf(patch.newFileName);
    const name = after ?? before;
    if (name === undefined) throw doesNotApply("the diff names no file", "--- a/FILE and +++ b/FILE lines are missing");
    for (const file of [before, after]) if (file !== undefined) checkInside(file, folder);
    const text = before === undefined ? "" : await readFile(join(root, before), "utf8").catch(() => undefined);
    if (text === undefined) throw doesNotApply(before ?? name, "the kernel has no such file");
    const changed = applyPatch(text, patch);
    if (changed === false) throw doesNotApply(name, firstMisfit(text, patch));
    if (before !== undefined && before !== after) await rm(join(root, before));
    if (after === undefined) continue;
    await mkdir(dirname(join(root, after)), { recursive: true });
    await writeFile(join(root, after), changed);
    left.push(after);
  }
  if (left.length === 0) throw doesNotApply("the diff", "it holds no change of any file");
  return left;
}

function parse(diff: string): StructuredPatch[] {
  try {
    return parsePatch(diff);
  } catch (cause) {
    throw doesNotApply("the diff", `it is no unified diff: ${(cause as Error).message}`);
  }
}

/** `kernel/fs/pipe.ts` of `a/kernel/fs/pipe.ts`; undefined for the /dev/null of a new or deleted file. */
function fileOf(name: string | undefined): string | undefined {
  if (name === undefined || name === "/dev/null") return undefined;
  return posix.normalize(name.replace(/^[ab]\//, ""));
}

/** The kernel module whose files the diffs change, or null: the kernel's own. */
export function objectOf(diffs: readonly string[]): string | null {
  const files = diffs.flatMap((diff) => parse(diff).flatMap((patch) => [patch.oldFileName, patch.newFileName]));
  const names = files.map((file) => fileOf(file)).filter((file) => file !== undefined);
  const objects = [...new Set(names.map((file) => /^modules\/([^/]+)\//.exec(file)?.[1] ?? null))];
  if (objects.length < 2) return objects[0] ?? null;
  throw new MachineError(
    "PATCH_OUTSIDE_KERNEL",
    `the diffs change ${objects.map((object) => (object === null ? "the kernel" : `module ${object}`)).join(" and ")}`,
    "A patch changes the kernel or one kernel module: make a patch for each.",
  );
}

function checkInside(file: string, folder: string | undefined): void {
  if (folder !== undefined && file.startsWith(folder) && file.endsWith(".ts")) return;
  const inKernel = file.startsWith("kernel/") && file.endsWith(".ts");
  if (inKernel && !file.startsWith(USER_PROGRAMS) && file !== HOOK_ENTRY) return;
  throw new MachineError(
    "PATCH_OUTSIDE_KERNEL",
    `the diff changes ${file}`,
    "A patch changes the kernel's own source, kernel/**/*.ts without kernel/user; take the rest out of the diff.",
  );
}

/** The first hunk without which all would be well. */
function firstMisfit(text: string, patch: StructuredPatch): string {
  const count = patch.hunks.findIndex((_hunk, i) => {
    return applyPatch(text, { ...patch, hunks: patch.hunks.slice(0, i + 1) }) === false;
  });
  const hunk = patch.hunks[count];
  return `hunk ${count + 1} of ${patch.hunks.length}, at line ${hunk?.oldStart}, does not fit the source`;
}

function doesNotApply(what: string, why: string): MachineError {
  return new MachineError(
    "PATCH_DOES_NOT_APPLY",
    `${what}: ${why}`,
    "Make the diff again from the source of the kernel that runs: `git diff kernel/ > FILE.patch`.",
  );
}

async function findHooks(root: string, files: ReadonlySet<string>): Promise<Partial<Record<HookName, string>>> {
  const hooks: Partial<Record<HookName, string>> = {};
  for (const file of files) {
    for (const [, name] of (await readFile(join(root, file), "utf8")).matchAll(HOOK)) {
      const path = `${file.replace(/\.ts$/, "")}/klp_${name}`;
      const other = hooks[name as HookName];
      if (other !== undefined) throw badHook(`there are two of klp_${name}: ${other} and ${path}`);
      hooks[name as HookName] = path;
    }
  }
  return hooks;
}

/** A hook that the loader could not call. */
export function badHook(what: string): MachineError {
  return new MachineError(
    "BAD_HOOK",
    what,
    "Hooks are new functions, one of each: `export function klp_pre_patch(): i32`, and klp_post_patch, klp_pre_unpatch, klp_post_unpatch, which return nothing.",
  );
}
