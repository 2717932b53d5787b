/**
 * Whether a kernel module fits this kernel: everything is looked at before anything changes.
 *
 * Contract: `verifyModule` gives what the loader needs, or refuses with the code, the thing by name, and what to do.
 * Invariant: a module that passes can be instantiated on every CPU, and its record fits its code.
 */
import { PATCH_FRAME_RANGE } from "../../kernel/abi.ts";
import { MachineError } from "../errors.ts";
import { checkIdentity, checkImports, findSymbol } from "../patch/verify.ts";
import type { Target } from "../patch/verify.ts";
import { readModule, STATE_BASE } from "../toolchain/module-format.ts";
import type { ModuleInfo } from "../toolchain/module-format.ts";
import { SLOT_PREFIX } from "../toolchain/patch-format.ts";

export interface VerifiedModule {
  readonly module: WebAssembly.Module;
  readonly info: ModuleInfo;
  readonly data: Uint8Array<ArrayBuffer>;
}

const WORD = 4;

export function verifyModule(bytes: Uint8Array<ArrayBuffer>, target: Target): VerifiedModule {
  const module = compile(bytes);
  const { info, data } = readModule(module);
  checkRecord(info, module);
  checkIdentity(info, target.map, "module");
  for (const call of info.calls) findSymbol(call, target.map);
  const own = info.functions.map(({ path }) => SLOT_PREFIX + path);
  checkImports(module, info, target.module, [STATE_BASE, ...own]);
  return { module, info, data };
}

function compile(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes);
  } catch (cause) {
    throw new MachineError(
      "NOT_A_MODULE",
      `the file is no WebAssembly module: ${String(cause)}`,
      "Give the file that `wlp build --module` wrote.",
      { cause },
    );
  }
}

/** The loader writes by this record, so every place in it is looked at. */
function checkRecord(info: ModuleInfo, module: WebAssembly.Module): void {
  const exported = new Set(
    WebAssembly.Module.exports(module).flatMap(({ name, kind }) => (kind === "function" ? [name] : [])),
  );
  const own = info.functions.map(({ path }) => path);
  const listed = [...own, ...info.added.map(({ path }) => path)];
  const rows = new Set(info.rows.map(({ path }) => path));
  const isPlace = (value: number, last: number): boolean => value >= 0 && value <= last && value % WORD === 0;
  const fault =
    [...listed, ...own.flatMap((path) => [`slow:${path}`, `trace:${path}`])].find((path) => !exported.has(path)) ??
    listed.find((path, index) => listed.indexOf(path) !== index || !rows.has(path)) ??
    info.rows.find(({ k, frameSize }, index) => k !== index || !isPlace(frameSize, Infinity))?.path ??
    [info.init, ...(info.exit === null ? [] : [info.exit])].find((path) => !own.includes(path)) ??
    info.data.relocations.find(({ offset }) => !isPlace(offset, info.data.bytes - WORD))?.kind ??
    info.parameters.find(({ offset }) => !isPlace(offset, (info.state.length - 1) * WORD))?.name ??
    (info.rows.length > PATCH_FRAME_RANGE ? "its number of functions" : undefined);
  if (fault === undefined) return;
  throw new MachineError(
    "NOT_A_MODULE",
    `the record of module ${info.name} does not fit its code, at ${fault}`,
    "Build it with this version's `wlp build --module`.",
  );
}
