/**
 * Whether a patch's record is one that `wlp build` could have written: its parts fit each other and the module.
 *
 * Idea: the loader writes into the kernel's memory and tables by this record, so every place in it is checked first.
 * Contract: NOT_A_PATCH names the part that does not fit. Invariant: no relocation reaches outside the patch's own
 * data, no export is listed twice, rows are dense, so that a frame id finds its row, and what is replaced belongs to one
 * object.
 */
import { WORD } from "../../kernel/layout.ts";
import { MachineError } from "../errors.ts";
import { moduleFolder, STUB_PREFIX } from "../toolchain/patch-format.ts";
import type { KernelSymbol, PatchInfo } from "../toolchain/patch-format.ts";

export function checkRecord(info: PatchInfo, module: WebAssembly.Module): void {
  const functions = new Set(
    WebAssembly.Module.exports(module).flatMap(({ name, kind }) => (kind === "function" ? [name] : [])),
  );
  const listed = [...info.functions, ...info.added].map(({ path }) => path);
  const stubbed = info.functions.filter(({ stub }) => stub);
  const exported = [...listed, ...stubbed.map(({ path }) => STUB_PREFIX + path)];
  const rows = new Set(info.rows.map(({ path }) => path));
  const fault =
    exported.find((name, index) => !functions.has(name) || exported.indexOf(name) !== index) ??
    listed.find((path) => !rows.has(path)) ??
    stubbed.find((fn) => isOf(info, fn))?.path ??
    info.rows.find(({ k, frameSize }, index) => k !== index || !isPlace(frameSize, Infinity))?.path ??
    Object.values(info.hooks).find((path) => !info.added.some((one) => one.path === path)) ??
    info.data.relocations.find(({ offset }) => !isPlace(offset, info.data.bytes - WORD))?.kind ??
    (info.object === null ? undefined : info.functions.find((fn) => !isOf(info, fn))?.path);
  if (fault === undefined) return;
  throw new MachineError(
    "NOT_A_PATCH",
    `the record of patch ${info.name} does not fit its module, at ${fault}`,
    "Build it with this version's `wlp build`.",
  );
}

/** A multiple of a word from 0 to `last`. */
const isPlace = (value: number, last: number): boolean => value >= 0 && value <= last && value % WORD === 0;

/** Whether a symbol is the module's, not the kernel's. */
export function isOf({ object }: Pick<PatchInfo, "object">, { path }: Pick<KernelSymbol, "path">): boolean {
  return object !== null && path.startsWith(moduleFolder(object));
}
