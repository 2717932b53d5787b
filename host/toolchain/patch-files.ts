/**
 * The files that a patch is made from: diffs, and the image that it is for.
 *
 * Contract: diffs are a `.patch` or `.diff` file, or a folder with at least one directly inside; several of a folder are applied
 * in the order of their names. The name is the folder's, or the first file's without its ending.
 * Invariant: a name is one that the kernel can show in a path.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { MachineError } from "../errors.ts";
import { readData, readMap } from "./image.ts";
import type { PatchBuild } from "./patch.ts";

export interface PatchFiles {
  readonly name: string;
  readonly diffs: readonly string[];
}

const DIFF = /\.(patch|diff)$/;
const NAME = /^[A-Za-z0-9][\w.-]{0,54}$/;

/** The diffs behind `paths`, in turn. */
export async function readPatchFiles(paths: readonly string[], name?: string): Promise<PatchFiles> {
  const files: string[] = [];
  for (const path of paths) files.push(...(await filesOf(path)));
  const diffs = await Promise.all(files.map((file) => readFile(file, "utf8")));
  return { name: checkName(name ?? basename(resolve(paths[0] ?? "")).replace(DIFF, "")), diffs };
}

/** Folders directly below `folder` that hold diffs, by name. */
export async function patchFolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found: string[] = [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && (await diffsIn(path)).length > 0) found.push(path);
  }
  return found.toSorted();
}

async function filesOf(path: string): Promise<string[]> {
  const kind = await stat(path).catch(() => undefined);
  const files = kind?.isDirectory() ? await diffsIn(path) : kind && DIFF.test(path) ? [path] : [];
  if (files.length > 0) return files;
  throw new MachineError(
    "BAD_USAGE",
    kind ? `${path} is no diff, and no folder that holds one` : `there is no file ${path}`,
    "Give files that end in .patch or .diff, or a folder with one, such as patches/NAME.",
  );
}

async function diffsIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => DIFF.test(name)).toSorted();
  return names.map((name) => join(folder, name));
}

function checkName(name: string): string {
  if (NAME.test(name)) return name;
  throw new MachineError(
    "BAD_OPTION",
    `"${name}" cannot be the name of a patch`,
    "Give --name of letters, digits, dots, dashes and underscores, at most 55.",
  );
}

/** The image beside a source folder, as far as a patch depends on it. */
export async function readBase(root: string, image: string): Promise<Required<Pick<PatchBuild, "base" | "baseData">>> {
  const path = join(root, `dist/images/${image}.wasm`);
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new MachineError("NO_IMAGE", `there is no image ${path}`, "Build it there: npm run build.", { cause });
  });
  const module = new WebAssembly.Module(bytes);
  return { base: readMap(module), baseData: readData(module) };
}
