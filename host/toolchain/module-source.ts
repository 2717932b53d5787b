/**
 * The files of a kernel module → a copy of the kernel's source with the module in it, patched if asked for.
 *
 * Idea: a module is written as if it lay in `modules/NAME/` beside `kernel/`, and compiled together with the kernel.
 * Contract: the first file has init_module(), cleanup_module() and what the module says of itself; its name is the
 * module's, with dashes as underscores. Invariant: nothing outside the copy is written.
 */
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { MachineError } from "../errors.ts";
import { moduleFolder } from "./patch-format.ts";
import { patchSource } from "./patch-source.ts";
import type { ModuleFile, PatchedSource } from "./patch-source.ts";

export interface ModuleSource extends PatchedSource {
  /** Folder of the module's files within the copy, ending in a slash: the beginning of its functions' paths. */
  readonly folder: string;
  /** Path of the first file, without its ending. */
  readonly main: string;
  readonly facts: { readonly version: string; readonly license: string; readonly description: string };
}

const NAME = /^[A-Za-z0-9][\w]{0,54}$/;
const MAIN = /^export function init_module\b/m;
const FACT = /^export const MODULE_(VERSION|LICENSE|DESCRIPTION)(?:: string)? = "([ -~]{0,55})";$/gm;

/** The files of a module, read. */
export async function readModuleFiles(paths: readonly string[]): Promise<ModuleFile[]> {
  const read = async (path: string): Promise<ModuleFile> => {
    const text = await readFile(path, "utf8").catch((cause: unknown) => {
      throw new MachineError("BAD_USAGE", `there is no file ${path}`, "Give the module's files, the main one first.", {
        cause,
      });
    });
    return { name: basename(path), text };
  };
  return Promise.all(paths.map(read));
}

/** The files in a module's folder, the one with init_module() first. */
export async function readModuleFolder(folder: string): Promise<ModuleFile[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".ts")).toSorted();
  const files = await readModuleFiles(names.map((name) => join(folder, name)));
  const main = files.find(({ text }) => MAIN.test(text));
  if (main) return [main, ...files.filter((file) => file !== main)];
  throw new MachineError(
    "BAD_USAGE",
    `${folder} holds no source of a kernel module`,
    "Name the folder of the source that the module was built from: --oot-module-src DIR.",
  );
}

/** The name that a module with these files has. */
export function moduleName(files: readonly ModuleFile[], wanted?: string): string {
  const name = wanted ?? (files[0]?.name ?? "").replace(/\.ts$/, "").replaceAll("-", "_");
  if (NAME.test(name)) return name;
  throw new MachineError(
    "BAD_OPTION",
    `"${name}" cannot be the name of a module`,
    "Give --name of letters, digits and underscores, at most 55.",
  );
}

export async function moduleSource(
  root: string,
  entries: readonly string[],
  name: string,
  files: readonly ModuleFile[],
  diffs: readonly string[] = [],
): Promise<ModuleSource> {
  const folder = moduleFolder(name);
  const source = await patchSource(root, entries, diffs, { folder, files });
  const main = `${folder}${(files[0]?.name ?? "").replace(/\.ts$/, "")}`;
  const facts = { version: "", license: "", description: "" };
  for (const [, fact = "", text = ""] of (files[0]?.text ?? "").matchAll(FACT)) {
    facts[fact.toLowerCase() as keyof typeof facts] = text;
  }
  return { ...source, entries: [...source.entries, `${main}.ts`], folder, main, facts };
}
