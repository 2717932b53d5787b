/**
 * A unit that holds a whole kernel and something besides → a module that holds only that, and uses the kernel's rest.
 *
 * Idea: patches and kernel modules go down the road of a kernel image, and at its end all but their own functions is
 * taken away; this file is the order of that.
 * Contract: static data of the unit lies at FAR_DATA. `roots` stay, with what they need and the
 * kernel does not share; those of `own` have slots that the loader hands out, with stubs in front.
 * Invariant: what comes out fits the image of `base` alone.
 */
import { PATCH_FRAME_IDS, PATCH_FRAME_RANGE } from "../../kernel/abi.ts";
import type { Expression } from "./binaryen.ts";
import { runtimeFunction } from "./contract.ts";
import { sameLine } from "./debug-lines.ts";
import type { DebugLine } from "./debug-lines.ts";
import type { KernelMap } from "./image.ts";
import { nameAddresses, namedAddresses, resolveAddresses, staticObjects } from "./passes/addresses.ts";
import { simplify } from "./passes/asyncify.ts";
import { placeDebugLines } from "./passes/debug-lines.ts";
import { numberFrames } from "./passes/frames.ts";
import { maySleep } from "./passes/may-sleep.ts";
import { importRuntime, importSlots, keepOnly, reachable, slotOf } from "./passes/patch-links.ts";
import { importPerCpu, sharePerCpu } from "./passes/percpu.ts";
import { addSlowStubs, sideAmong, slotChoice } from "./passes/slow-stubs.ts";
import { addTraceStubs } from "./passes/trace-stubs.ts";
import { traceVersions } from "./passes/version-trace.ts";
import { sleepersOf } from "./patch-changes.ts";
import { PatchData } from "./patch-data.ts";
import { DATA_BASE, FRAME_BASE, VERSION_PREFIX } from "./patch-format.ts";
import type { Relocation } from "./patch-format.ts";
import type { DataBlock } from "./sections.ts";
import { makeSleepable } from "./sleepable.ts";
import type { PlannedRow } from "./symbols.ts";
import type { DefinedFunction, Unit } from "./unit.ts";
import { checkWanted, unwantedFunctions } from "./unwanted.ts";

export interface LinkPlan {
  readonly base: KernelMap;
  readonly baseData: readonly DataBlock[];
  /** 0 to 3. */
  readonly optimizeLevel: number;
  /** The numbers of kernel/layout.ts. */
  readonly layout: ReadonlyMap<string, number>;
  /** All functions of the unit. */
  readonly symbols: readonly PlannedRow[];
  readonly roots: readonly string[];
  readonly own: readonly string[];
  /** Functions that replace one of the kernel's, which get slow stubs. */
  readonly versions?: {
    readonly slots: ReadonlyMap<string, number>;
    /** Whether their calls may be rewound, in the kernel's version or the unit's. */
    readonly rewound: (path: string) => boolean;
  };
  /** All calls of pr_debug() in the unit, and those that are the module's own. */
  readonly lines: readonly DebugLine[];
  readonly ownLines: readonly DebugLine[];
  /** Functions whose calls no version trace records. */
  readonly unwatched: ReadonlySet<string>;
  /** Refuses when the functions that may sleep are not what the kernel counts on. */
  readonly check: (sleepable: ReadonlySet<string>) => void;
}

export interface Linked {
  /** Functions of the module, in the order of `k`. */
  readonly rows: readonly PlannedRow[];
  /** Functions that the module exports, without stubs. */
  readonly exported: readonly string[];
  readonly stubs: readonly string[];
  /** Bytes of each one's saved frame. */
  readonly frames: ReadonlyMap<string, number>;
  readonly sleepable: ReadonlySet<string>;
  readonly data: { readonly bytes: Uint8Array<ArrayBuffer>; readonly relocations: readonly Relocation[] };
}

export function linkToKernel(unit: Unit, plan: LinkPlan): Linked {
  const { base, layout, optimizeLevel } = plan;
  const { debug, stepped } = base.variant;
  const objects = staticObjects(unit);
  const kernelFunctions = new Map(base.functions.map((row) => [row.path, row]));
  const kernelSlots = new Map(base.functions.filter((row) => row.slot > 0).map((row) => [row.path, row.slot]));
  const unwanted = unwantedFunctions(unit, plan.roots, kernelSlots, objects);
  nameAddresses(unit, unwanted);
  numberLines(unit, plan);
  simplify(unit, optimizeLevel, unwanted);
  const always = sleepersOf(base);
  const sleepable = maySleep(unit, always);
  plan.check(sleepable);
  makeSleepable(unit, { debug, stepped, optimizeLevel, globals: "import", always, unwanted }, sleepable);

  const ownSlots = new Map(plan.own.map((path, index) => [path, index]));
  const stackEndHit = runtimeFunction(unit, "stack_end_hit");
  const record = runtimeFunction(unit, "klp_trace_call");
  const table = importSlots(unit, new Map([...kernelSlots, ...ownSlots]));
  const number = (path: string): Expression => slotOf(unit, path);
  const slow = addSlowStubs(unit, { table, slots: ownSlots, slotOf: number });
  const trace = addTraceStubs(unit, { table, slots: ownSlots }, number);
  importRuntime(unit);

  const { pointers } = unit.declarations;
  const data = new PatchData({ objects, pointers, kernelFunctions, kernelData: plan.baseData });
  const { kept, exported } = keep(unit, plan.roots, data);
  checkWanted(kept, unwanted);
  const named = new Map(plan.symbols.map((row) => [row.path, row]));
  const rows = kept.flatMap((fn) => named.get(fn.name) ?? []);
  needFrameBase(unit);
  const ids = new Map(rows.map((row, k) => [row.path, k]));
  const frames = numberFrames(unit, ids, stackEndHit, FRAME_BASE);
  placeData(unit, kept, data);
  if (debug || stepped) {
    const versions = rows.map(({ path }, k) => [path, { id: k, slot: kernelSlots.get(path) ?? 0 }] as const);
    const traced = new Map(versions.filter(([path]) => unit.isPatchable(path) && !plan.unwatched.has(path)));
    traceVersions(unit, traced, { record, layout, base: FRAME_BASE });
  }
  importPerCpu(unit, base.percpu);
  const stubs = [...slow.values(), ...trace.values(), ...addStubsOfVersions(unit, plan, table)];
  keepOnly(unit, [...exported, ...stubs]);
  return { rows, exported, stubs, frames, sleepable, data: data.block() };
}

/** Slow stubs that come with the versions of a patch. */
function addStubsOfVersions(unit: Unit, plan: LinkPlan, table: string): Iterable<string> {
  const { b, m } = unit;
  const { base, layout, versions } = plan;
  if (!versions) return [];
  const sideOf = (): string => sharePerCpu(unit, sideAmong(unit, base.percpu));
  const asks = base.variant.debug || base.variant.stepped;
  const choice = asks ? undefined : slotChoice(layout, versions.rewound, sideOf);
  const versionOf = (_slot: number, path: string): Expression => {
    m.addGlobalImport(VERSION_PREFIX + path, "env", VERSION_PREFIX + path, b.i32, false);
    return m.global.get(VERSION_PREFIX + path, b.i32);
  };
  return addSlowStubs(unit, { table, slots: versions.slots, choice, versionOf }).values();
}

/** The import that says which patch or module this is. */
function needFrameBase({ b, m }: Unit): void {
  if (m.getGlobal(FRAME_BASE) === 0) m.addGlobalImport(FRAME_BASE, "env", FRAME_BASE, b.i32, false);
}

/** The kernel's lines keep their numbers, a module's own count from where the kernel gives it some; other lines are left out. */
function numberLines(unit: Unit, { base, layout, lines, ownLines }: LinkPlan): void {
  const { b, m } = unit;
  const first = PATCH_FRAME_IDS + (layout.get("MAX_PATCHES") ?? 0) * PATCH_FRAME_RANGE;
  const most = layout.get("DEBUG_MODULE_LINES") ?? 0;
  const own = (k: number): number => {
    needFrameBase(unit);
    const ids = m.i32.sub(m.global.get(FRAME_BASE, b.i32), m.i32.const(first));
    const shift = Math.log2(PATCH_FRAME_RANGE / most);
    return m.i32.add(m.i32.shr_u(ids, m.i32.const(shift)), m.i32.const((layout.get("DEBUG_KERNEL_LINES") ?? 0) + k));
  };
  placeDebugLines(unit, lines, layout.get("DEBUG_FLAGS") ?? 0, (line) => {
    const k = ownLines.indexOf(line);
    if (k >= 0) return k < most ? () => own(k) : undefined;
    const number = sameLine(line, lines, base.debugLines);
    return number < 0 ? undefined : () => m.i32.const(number);
  });
}

/** The functions of the module, and those that it exports: a pointer to one without a slot makes it an export. */
function keep(unit: Unit, roots: readonly string[], data: PatchData): { kept: DefinedFunction[]; exported: string[] } {
  const exported = new Set(roots);
  for (;;) {
    const kept = reachable(unit, exported);
    for (const fn of kept) for (const address of namedAddresses(unit, fn)) data.place(address, fn.name);
    const { size } = exported;
    for (const name of data.entries) exported.add(name);
    if (exported.size === size) return { kept, exported: [...exported] };
  }
}

/** Addresses of static data become the kernel's own, or places in the patch's block. */
function placeData(unit: Unit, kept: readonly DefinedFunction[], data: PatchData): void {
  const { b, m } = unit;
  m.addGlobalImport(DATA_BASE, "env", DATA_BASE, b.i32, false);
  const names = new Set(kept.map(({ name }) => name));
  for (const fn of unit.functions()) {
    const { name } = fn;
    if (!names.has(name)) continue;
    resolveAddresses(unit, fn, (address) => {
      const placed = data.place(address, name);
      if ("kernel" in placed) return m.i32.const(placed.kernel);
      return m.i32.add(m.global.get(DATA_BASE, b.i32), m.i32.const(placed.offset));
    });
  }
}
