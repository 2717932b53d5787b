/**
 * What `--patch P` means: a folder under patches/, a unified diff, or a built module.
 *
 * Contract: gives the module for one kernel image, and the diff to show if there is one. A folder's modules were made
 * by the build; a diff is built on the way; a module is taken as it is. Invariant: the compiler is loaded for a diff only.
 */
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { MachineError } from "../errors.ts";
import { PACKAGE_ROOT } from "../platform/node/files.ts";

export interface PatchArgument {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Text of its diff with the header that explains it, or empty. */
  readonly text: string;
}

/** `variant` is the image's name: kernel, kernel-debug, kernel-stepped. */
export async function resolvePatch(argument: string, variant: string): Promise<PatchArgument> {
  if (argument.endsWith(".wasm"))
    return { name: basename(argument, ".wasm"), bytes: await read(argument, argument), text: "" };
  if (/\.(patch|diff)$/.test(argument))
    return buildOnTheWay(argument, (await read(argument, argument)).toString(), variant);
  const name = basename(argument);
  const text = await diffOf(join(PACKAGE_ROOT, "patches", name));
  const built = await readFile(join(PACKAGE_ROOT, `dist/patches/${name}.${variant}.wasm`)).catch(() => undefined);
  if (built) return { name, bytes: built, text };
  if (text === "") throw unknownPatch(argument);
  return buildOnTheWay(join(PACKAGE_ROOT, "patches", name), text, variant); // a lesson that is not made for this image
}

async function buildOnTheWay(path: string, text: string, variant: string): Promise<PatchArgument> {
  const { buildPatch } = await import("../toolchain/patch.ts");
  const { readBase, readPatchFiles } = await import("../toolchain/patch-files.ts");
  const { OPTIMIZE_LEVEL } = await import("../toolchain/images.ts");
  const { name, diffs } = await readPatchFiles([path]);
  const base = await readBase(PACKAGE_ROOT, variant);
  const { wasm } = await buildPatch({ root: PACKAGE_ROOT, diffs, name, ...base, optimizeLevel: OPTIMIZE_LEVEL });
  return { name, bytes: wasm, text };
}

async function diffOf(folder: string): Promise<string> {
  const files = (await readdir(folder).catch(() => [])).filter((file) => /\.(patch|diff)$/.test(file)).toSorted();
  return (await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")))).join("\n");
}

async function read(path: string, argument: string): Promise<Buffer> {
  return readFile(path).catch((cause: unknown) => {
    throw unknownPatch(argument, cause);
  });
}

function unknownPatch(argument: string, cause?: unknown): MachineError {
  return new MachineError(
    "UNKNOWN_PATCH",
    `there is no patch ${argument}`,
    "Give a folder's name under patches/, a diff (.patch), or a built module (.wasm); `none` runs without one.",
    { cause },
  );
}

/** The words of a lesson's header and the changed lines of its diff. */
export function digest(text: string): { purpose: string; changes: string[] } {
  const header = text.split(/^--- /m)[0] ?? "";
  const purpose = /^Purpose\s+([\s\S]*?)\n(?=\S)/.exec(header)?.[1] ?? "";
  const changes = text.split("\n").filter((line) => /^[+-](?![+-]{2} )/.test(line));
  return { purpose: purpose.replace(/\s+/g, " ").trim(), changes };
}
