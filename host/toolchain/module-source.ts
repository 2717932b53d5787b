/**
 * The files of a kernel module → a copy of the kernel's source with the module in it.
 *
 * Idea: a module is written as if it lay in `modules/NAME/` beside `kernel/`, and compiled together with the kernel.
 * Contract: the first file has init_module(), cleanup_module() and what the module says of itself; its name is the
 * module's, with dashes as underscores. Invariant: nothing outside the copy is written.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { MachineError } from "../errors.ts";
import { patchSource } from "./patch-source.ts";

export interface ModuleFile {
  /** `hello.ts` */
  readonly name: string;
  readonly text: string;
}

export interface ModuleSource {
  readonly root: string;
  readonly entries: readonly string[];
  /** Folder of the module's files within the copy, ending in a slash: the beginning of its functions' paths. */
  readonly folder: string;
  /** Path of the first file, without its ending. */
  readonly main: string;
  readonly facts: { readonly version: string; readonly license: string; readonly description: string };
  dispose(): Promise<void>;
}

const NAME = /^[A-Za-z0-9][\w]{0,54}$/;
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
): Promise<ModuleSource> {
  const source = await patchSource(root, entries, []);
  try {
    const folder = `modules/${name}/`;
    await mkdir(join(source.root, folder), { recursive: true });
    for (const file of files) await writeFile(join(source.root, folder, file.name), file.text);
    const main = `${folder}${(files[0]?.name ?? "").replace(/\.ts$/, "")}`;
    const facts = { version: "", license: "", description: "" };
    for (const [, fact = "", text = ""] of (files[0]?.text ?? "").matchAll(FACT)) {
      facts[fact.toLowerCase() as keyof typeof facts] = text;
    }
    return { ...source, entries: [...source.entries, `${main}.ts`], folder, main, facts };
  } catch (error) {
    await source.dispose();
    throw error;
  }
}
