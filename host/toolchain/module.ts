/**
 * Kernel source + a module's files → a kernel module.
 *
 * Idea: as a patch, but what is kept is the module's own functions, and each that can be patched gets a slot with stubs.
 * Contract: `base` is the map of the image that the module is for, built from the same source. Every function of the
 * kernel may be called: through its slot, or as a copy when it owns none. Invariant: what comes out fits that image
 * alone, and a refusal leaves nothing behind.
 */
import { MachineError } from "../errors.ts";
import { checkBase } from "./base.ts";
import { BodyNormaliser } from "./body-hash.ts";
import { debugLines } from "./debug-lines.ts";
import type { DebugLine } from "./debug-lines.ts";
import type { FunctionRow, KernelMap } from "./image.ts";
import { KERNEL_ENTRIES } from "./images.ts";
import { linkToKernel } from "./link.ts";
import { MODULE_FORMAT, MODULE_SECTION } from "./module-format.ts";
import type { ModuleInfo } from "./module-format.ts";
import { moduleSource } from "./module-source.ts";
import type { ModuleSource } from "./module-source.ts";
import { finish } from "./passes/finish.ts";
import { checkGlobals } from "./passes/globals.ts";
import { moveModuleState } from "./passes/module-state.ts";
import { checkStaticData } from "./passes/static-data.ts";
import { findChanges } from "./patch-changes.ts";
import { slotCalls } from "./patch-info.ts";
import type { ModuleFile } from "./patch-source.ts";
import { appendSection, DATA_SECTION } from "./sections.ts";
import type { DataBlock } from "./sections.ts";
import { sourceUnit } from "./source-unit.ts";
import { planSymbols } from "./symbols.ts";
import type { PlannedRow } from "./symbols.ts";
import type { Unit } from "./unit.ts";

export interface ModuleBuild {
  /** The folder that holds `kernel/`. */
  readonly root: string;
  /** The main one first. */
  readonly files: readonly ModuleFile[];
  readonly name: string;
  readonly base: KernelMap;
  readonly baseData?: readonly DataBlock[];
  /** As the image was built with. */
  readonly entries?: readonly string[];
  /** 0 to 3. */
  readonly optimizeLevel: number;
}

export interface ModuleImage {
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly info: ModuleInfo;
  /** The kernel's map and what the module adds to it, for patches of the module. Its slots count from the first spare one. */
  readonly map: KernelMap;
  /** Its variables with their types, in the order of their places. */
  readonly variables: readonly string[];
}

export async function buildModule(build: ModuleBuild): Promise<ModuleImage> {
  const { root, base, name, files, entries = KERNEL_ENTRIES } = build;
  checkBase(root, base);
  const source = await moduleSource(root, entries, name, files);
  try {
    const { debug, stepped } = base.variant;
    const { unit, layout } = await sourceUnit({ root: source.root, entries: source.entries, debug, stepped });
    try {
      return transform(unit, layout, { ...source, lines: await debugLines(source.root, unit) }, build);
    } finally {
      unit.m.dispose();
    }
  } finally {
    await source.dispose();
  }
}

function transform(
  unit: Unit,
  layout: ReadonlyMap<string, number>,
  source: ModuleSource & { readonly lines: readonly DebugLine[] },
  { base, baseData = [], name, optimizeLevel }: ModuleBuild,
): ModuleImage {
  const { variables, words, parameters } = moveModuleState(unit, source.folder);
  checkGlobals(unit);
  checkStaticData(unit);
  const bodies = new BodyNormaliser(unit);
  const symbols = planSymbols(unit, bodies);
  const statics = bodies.statics();
  const layouts = Object.fromEntries(unit.declarations.layouts);
  const added = findChanges(unit, symbols, base).added;
  const own = added.filter(({ path }) => path.startsWith(source.folder));
  const init = entry(own, source, "init_module", "()->i32");
  const exit = entry(own, source, "cleanup_module", "()");
  if (init === null) throw badEntry(`${source.main}.ts has no init_module()`);
  const roots = own.map(({ path }) => path);
  const ownLines = source.lines.filter(({ path }) => path.startsWith(source.folder));
  const linked = linkToKernel(unit, {
    base,
    baseData,
    optimizeLevel,
    layout,
    symbols,
    roots,
    own: roots,
    lines: source.lines,
    ownLines,
    unwatched: new Set(),
    check: () => undefined, // the kernel's own functions are those of the base
  });
  const k = new Map(linked.rows.map((row, index) => [row.path, index]));
  const kernel = new Map(base.functions.map((row) => [row.path, row]));
  const describe = ({ path, name: short, signature, file, line }: PlannedRow): ModuleInfo["added"][number] => ({
    path,
    name: short,
    signature,
    file,
    line,
    class: linked.sleepable.has(path) ? "sleepable" : "atomic",
    k: k.get(path) ?? 0,
  });
  const { bytes, relocations } = linked.data;
  const info: ModuleInfo = {
    format: MODULE_FORMAT,
    name,
    ...source.facts,
    kernel: base.identity,
    variant: { debug: base.variant.debug, stepped: base.variant.stepped },
    functions: own.map((row) => ({ ...describe(row), bodyHash: row.bodyHash })),
    added: linked.rows
      .filter(({ path }) => linked.exported.includes(path) && !roots.includes(path))
      .map((row) => describe(row)),
    rows: linked.rows.map(({ path, name: short, signature }, index) => ({
      k: index,
      path,
      name: short,
      signature,
      frameSize: linked.frames.get(path) ?? 0,
      slot: kernel.get(path)?.slot ?? 0,
    })),
    calls: slotCalls(unit, kernel),
    data: { bytes: bytes.length, relocations },
    state: words,
    parameters,
    debugLines: ownLines.slice(0, layout.get("DEBUG_MODULE_LINES") ?? 0),
    init,
    exit,
  };
  const { wasm } = finish(unit, optimizeLevel, "");
  const section = new TextEncoder().encode(JSON.stringify(info));
  const functions = [...base.functions, ...moduleRows(symbols, source.folder, info, base.spareSlots)];
  const map = {
    ...base,
    functions,
    statics: { ...statics, ...base.statics },
    layouts: { ...layouts, ...base.layouts },
  };
  const whole = appendSection(appendSection(wasm, DATA_SECTION, bytes), MODULE_SECTION, section);
  return { wasm: whole, info, map, variables };
}

/** The module's functions as a kernel's map has them; positions among equal names are those within the module. */
function moduleRows(
  symbols: readonly PlannedRow[],
  folder: string,
  info: ModuleInfo,
  firstSlot: number,
): FunctionRow[] {
  const own = new Map(info.functions.map((row, index) => [row.path, { ...row, slot: firstSlot + index }]));
  const frames = new Map(info.rows.map((row) => [row.path, row.frameSize]));
  const rows = symbols.filter(({ path }) => path.startsWith(folder));
  return rows.map((row, index) => {
    const { path, name } = row;
    const sympos = 1 + rows.slice(0, index).filter((other) => other.name === name).length;
    const frameSize = frames.get(path) ?? 0;
    const sleeps = own.get(path)?.class ?? (frameSize > 0 ? "sleepable" : "atomic");
    return { ...row, sympos, slot: own.get(path)?.slot ?? 0, class: sleeps, frameSize, record: 0 };
  });
}

/** Path of the function by which the kernel enters or leaves the module, or null. */
function entry(own: readonly PlannedRow[], source: ModuleSource, name: string, signature: string): string | null {
  const row = own.find(({ path }) => path === `${source.main}/${name}`);
  if (!row) return null;
  if (row.signature === signature) return row.path;
  throw badEntry(`${name} is ${row.signature} (${row.file}:${row.line})`);
}

function badEntry(what: string): MachineError {
  return new MachineError(
    "BAD_MODULE",
    what,
    "The main file has `export function init_module(): i32`, and `export function cleanup_module(): void` if it can be unloaded.",
  );
}
