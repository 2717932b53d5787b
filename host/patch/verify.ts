/**
 * Whether a patch fits this kernel: everything is looked at before anything changes.
 *
 * Contract: `verifyPatch` gives what the loader needs, or refuses with the code, the thing by name, and what to do.
 * Invariant: a patch that passes can be instantiated on every CPU, and each of its functions has a slot of its type.
 */
import { KLP_MODEL_KGRAFT, KLP_MODEL_KPATCH, KLP_MODEL_NONE, PATCH_FRAME_RANGE } from "../../kernel/abi.ts";
import { MachineError } from "../errors.ts";
import type { FunctionRow, KernelMap } from "../toolchain/image.ts";
import { DATA_BASE, FRAME_BASE, readPatch, SLOT_PREFIX, VERSION_PREFIX } from "../toolchain/patch-format.ts";
import type { KernelSymbol, LoadModel, PatchInfo } from "../toolchain/patch-format.ts";
import { STATE_BASE } from "../toolchain/module-format.ts";
import { checkRecord, isOf } from "./well-formed.ts";

/** The kernel that a patch must fit. */
export interface Target {
  readonly module: WebAssembly.Module;
  readonly map: KernelMap;
}

export interface VerifiedPatch {
  readonly module: WebAssembly.Module;
  readonly info: PatchInfo;
  readonly data: Uint8Array<ArrayBuffer>;
  /** Replaced functions, by path, that can be on a saved stack, in the old version or the new one. */
  readonly sleeping: ReadonlySet<string>;
}

export const MODELS: Readonly<Record<LoadModel, number>> = {
  kpatch: KLP_MODEL_KPATCH,
  kgraft: KLP_MODEL_KGRAFT,
  none: KLP_MODEL_NONE,
};

/** As klp_load() has it. */
const MAX_FUNCTIONS = 64;
const REBUILD = "Build the patch again, from its diff, for this kernel: wlp build.";

export function verifyPatch(bytes: Uint8Array, target: Target): VerifiedPatch {
  const module = compile(bytes);
  const { info, data } = readPatch(module);
  checkRecord(info, module);
  checkIdentity(info, target.map);
  if (info.functions.length === 0 || info.functions.length > MAX_FUNCTIONS || info.rows.length > PATCH_FRAME_RANGE) {
    throw new MachineError(
      "PATCH_ROOM",
      `patch ${info.name} replaces ${info.functions.length} functions and has ${info.rows.length} in all`,
      `A patch replaces 1 to ${MAX_FUNCTIONS} functions and has ${PATCH_FRAME_RANGE} at most: split it.`,
    );
  }
  const sleeping = new Set<string>();
  for (const fn of info.functions) {
    if (isOf(info, fn)) {
      if (fn.class === "sleepable") sleeping.add(fn.path);
      continue; // looked at when its module is there
    }
    const row = findSymbol(fn, target.map);
    if (row.slot === 0 || row.kind !== "patchable") {
      throw new MachineError(
        "UNHOOKABLE",
        `${fn.name} (${fn.path}) is ${row.kind}: it has no slot`,
        "Patch its callers instead.",
      );
    }
    if (row.bodyHash !== fn.bodyHash) {
      throw new MachineError(
        "BODY_MISMATCH",
        `${fn.name} (${fn.path}) is not the function that the patch was made against`,
        REBUILD,
      );
    }
    if (row.class === "sleepable") sleeping.add(fn.path);
    if (row.class === "atomic" && fn.class === "sleepable") {
      throw new MachineError(
        "NEWLY_SLEEPING",
        `${fn.name} (${fn.path}) could not sleep and would in its new version; its callers cannot unwind`,
        "Keep what sleeps out of it, or hand the work to a work queue.",
      );
    }
  }
  for (const call of info.calls) if (!isOf(info, call)) findSymbol(call, target.map);
  const versions = info.functions.map(({ path }) => VERSION_PREFIX + path);
  checkImports(module, info, target.module, info.object === null ? versions : [STATE_BASE]);
  return { module, info, data, sleeping };
}

function compile(bytes: Uint8Array): WebAssembly.Module {
  try {
    return new WebAssembly.Module(new Uint8Array(bytes));
  } catch (cause) {
    throw new MachineError(
      "NOT_A_PATCH",
      `the bytes are no WebAssembly module: ${String(cause)}`,
      "Give the file that `wlp build` wrote.",
      { cause },
    );
  }
}

/** Patch or module: it was made for this very kernel. */
export function checkIdentity(
  info: Pick<PatchInfo, "name" | "kernel" | "variant">,
  map: KernelMap,
  kind = "patch",
): void {
  const { debug, stepped } = map.variant;
  if (info.kernel === map.identity && info.variant.debug === debug && info.variant.stepped === stepped) return;
  throw new MachineError(
    "WRONG_KERNEL",
    `${kind} ${info.name} is for kernel ${info.kernel.slice(0, 12)}, this machine runs ${map.identity.slice(0, 12)}`,
    REBUILD,
  );
}

/** The kernel's function that the patch means: by name and position among equal names, with the same type and slot. */
export function findSymbol(symbol: KernelSymbol, map: KernelMap): FunctionRow {
  const row = map.functions.find(({ name, sympos }) => name === symbol.name && sympos === symbol.sympos);
  if (!row || row.path !== symbol.path) {
    throw new MachineError(
      "UNKNOWN_FUNCTION",
      `the kernel has no ${symbol.name},${symbol.sympos} (${symbol.path})`,
      REBUILD,
    );
  }
  if (row.signature !== symbol.signature || (row.slot !== 0 && row.slot !== symbol.slot)) {
    throw new MachineError(
      "SIGNATURE_CHANGED",
      `${symbol.name} is ${row.signature} in slot ${row.slot} here, ${symbol.signature} in slot ${symbol.slot} in the patch`,
      REBUILD,
    );
  }
  return row;
}

/** Every import is something that the kernel exports or imports, or a number that the loader gives. */
export function checkImports(
  module: WebAssembly.Module,
  info: Pick<PatchInfo, "name" | "calls">,
  kernel: WebAssembly.Module,
  further: readonly string[] = [],
): void {
  const known = new Map<string, string>([
    ...WebAssembly.Module.exports(kernel).map(({ name, kind }) => [name, kind] as const),
    ...WebAssembly.Module.imports(kernel).map(({ name, kind }) => [name, kind] as const),
    [FRAME_BASE, "global"],
    [DATA_BASE, "global"],
    ...[...info.calls.map((call) => call.import), ...further].map((name) => [name, "global"] as const),
  ]);
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (from === "env" && known.get(name) === kind) continue;
    const what = name.startsWith(SLOT_PREFIX) ? `${name}, which its list of calls lacks` : `${from}.${name} (${kind})`;
    throw new MachineError("MISSING_IMPORT", `${info.name} imports ${what}; this kernel has no such thing`, REBUILD);
  }
}
