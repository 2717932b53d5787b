/**
 * Kernel source + diffs → patch module.
 *
 * Idea: the whole patched kernel goes down the road of a kernel image, and at its end all but the changed functions is
 * taken away; this file is the order of that. Contract: `base` is the map of the image that the patch is for, built
 * from the same source; with its static data (`baseData`) the patch uses what the kernel has instead of bringing a
 * copy. Invariant: what comes out fits that image alone, and a refusal leaves nothing behind.
 */
import { join } from "node:path";
import { MachineError } from "../errors.ts";
import { BodyNormaliser } from "./body-hash.ts";
import { readConstants } from "./constants.ts";
import { runtimeFunction } from "./contract.ts";
import { sourceDigest } from "./fingerprint.ts";
import type { KernelMap } from "./image.ts";
import { KERNEL_ENTRIES } from "./images.ts";
import { nameAddresses, namedAddresses, resolveAddresses, staticObjects } from "./passes/addresses.ts";
import { simplify } from "./passes/asyncify.ts";
import { finish } from "./passes/finish.ts";
import { numberFrames } from "./passes/frames.ts";
import { checkGlobals } from "./passes/globals.ts";
import { maySleep } from "./passes/may-sleep.ts";
import { importRuntime, importSlots, keepOnly, reachable } from "./passes/patch-links.ts";
import { importPerCpu } from "./passes/percpu.ts";
import { checkStaticData } from "./passes/static-data.ts";
import { traceVersions } from "./passes/version-trace.ts";
import { checkClasses, checkLayouts, checkStatics, findChanges, sleepersOf } from "./patch-changes.ts";
import type { Changes } from "./patch-changes.ts";
import { PatchData } from "./patch-data.ts";
import { DATA_BASE, FRAME_BASE, PATCH_SECTION } from "./patch-format.ts";
import type { PatchInfo, PatchModel } from "./patch-format.ts";
import { describePatch } from "./patch-info.ts";
import { badHook, patchSource } from "./patch-source.ts";
import type { PatchedSource } from "./patch-source.ts";
import { appendSection, DATA_SECTION } from "./sections.ts";
import type { DataBlock } from "./sections.ts";
import { makeSleepable } from "./sleepable.ts";
import { sourceUnit } from "./source-unit.ts";
import { planSymbols } from "./symbols.ts";
import type { PlannedRow } from "./symbols.ts";
import type { DefinedFunction, Unit } from "./unit.ts";

export interface PatchBuild {
  /** The folder that holds `kernel/`, unpatched. */
  readonly root: string;
  /** Unified diffs, applied in turn. */
  readonly diffs: readonly string[];
  readonly name: string;
  readonly model?: PatchModel | undefined;
  readonly base: KernelMap;
  readonly baseData?: readonly DataBlock[];
  /** Functions to replace although they are in use, besides those marked @force_unsafe. */
  readonly force?: readonly string[];
  /** As the image was built with. */
  readonly entries?: readonly string[];
  /** 0 to 3. */
  readonly optimizeLevel: number;
}

export interface PatchImage {
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly info: PatchInfo;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** How far static data moves in the second compilation: more than any number that is near another. */
const SHIFT = 0x1234560;

export async function buildPatch(build: PatchBuild): Promise<PatchImage> {
  const { root, base, entries = KERNEL_ENTRIES } = build;
  await checkBase(root, base);
  const source = await patchSource(root, entries, build.diffs);
  const units: Unit[] = [];
  try {
    const { debug, stepped } = base.variant;
    const options = { root: source.root, entries: source.entries, debug, stepped };
    const { unit, layout } = await sourceUnit(options);
    units.push(unit);
    const constants = await constantsOf(root, source.root);
    checkLayouts(constants, unit, base);
    const changes = judge(unit, source, base);
    const { unit: moved } = await sourceUnit(options, { shift: SHIFT });
    units.push(moved);
    return transform(unit, moved, { changes, source, layout }, build);
  } finally {
    for (const { m } of units) m.dispose();
    await source.dispose();
  }
}

async function checkBase(root: string, base: KernelMap): Promise<void> {
  if (!base.variant.hooks || base.variant.asyncify === "none") {
    throw new MachineError(
      "SOURCE_DIFFERS",
      "the kernel image has no hooks, or cannot sleep, so it takes no patches",
      "Build the patch for the image kernel, kernel-debug or kernel-stepped.",
    );
  }
  if ((await sourceDigest(root)) === base.source) return;
  throw new MachineError(
    "SOURCE_DIFFERS",
    `the source in ${root} is not the one that the kernel image was built from`,
    "Build the image again with `npm run build`, or give the folder that it was built from.",
  );
}

/** The files of numbers, before and after the patch. */
async function constantsOf(root: string, patched: string): Promise<Parameters<typeof checkLayouts>[0]> {
  const read = (folder: string, file: string): Promise<Map<string, number>> =>
    readConstants(join(folder, file)).catch((error: unknown) => {
      // A mini kernel has no abi.ts.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Map<string, number>();
      throw error;
    });
  const files = ["kernel/layout.ts", "kernel/abi.ts"];
  return Promise.all(
    files.map(async (file) => ({ file, before: await read(root, file), now: await read(patched, file) })),
  );
}

interface Judged extends Changes {
  readonly symbols: readonly PlannedRow[];
}

/** All that can be said before anything is transformed. */
function judge(unit: Unit, source: PatchedSource, base: KernelMap): Judged {
  checkGlobals(unit);
  checkStaticData(unit);
  const bodies = new BodyNormaliser(unit);
  const symbols = planSymbols(unit, bodies);
  checkStatics(unit, bodies.statics(), base);
  const changes = findChanges(unit, symbols, base);
  for (const [hook, path] of Object.entries(source.hooks)) {
    const row = changes.added.find((one) => one.path === path);
    const signature = hook === "pre_patch" ? "()->i32" : "()";
    if (row?.signature !== signature)
      throw badHook(`${path} is ${row?.signature ?? "not new"}, and klp_${hook} is ${signature}`);
  }
  if (changes.replaced.length > 0 || Object.keys(source.hooks).length > 0) return { ...changes, symbols };
  throw new MachineError(
    "NO_FUNCTIONAL_CHANGE",
    "no functional changes found: every function does what it does in the kernel that runs",
    "Comments, names of variables and moved lines need no patch.",
  );
}

function transform(
  unit: Unit,
  moved: Unit,
  { changes, source, layout }: { changes: Judged; source: PatchedSource; layout: ReadonlyMap<string, number> },
  { base, baseData = [], optimizeLevel, ...build }: PatchBuild,
): PatchImage {
  const { debug, stepped } = base.variant;
  const objects = staticObjects(unit, moved, SHIFT);
  nameAddresses(unit, moved, SHIFT);
  simplify(unit, optimizeLevel);
  const always = sleepersOf(base);
  const sleepable = maySleep(unit, always);
  checkClasses(unit, changes.symbols, sleepable, changes, base);
  makeSleepable(unit, { debug, stepped, optimizeLevel, globals: "import", always }, sleepable);

  const kernelFunctions = new Map(base.functions.map((row) => [row.path, row]));
  const slots = new Map(base.functions.filter((row) => row.slot > 0).map((row) => [row.path, row.slot]));
  const stackEndHit = runtimeFunction(unit, "stack_end_hit");
  const record = runtimeFunction(unit, "klp_trace_call");
  importSlots(unit, slots);
  importRuntime(unit);

  const data = new PatchData({ objects, pointers: unit.declarations.pointers, kernelFunctions, kernelData: baseData });
  const { kept, exported } = keep(unit, changes, data);
  const named = new Map(changes.symbols.map((row) => [row.path, row]));
  const rows = kept.flatMap((fn) => named.get(fn.name) ?? []);
  unit.m.addGlobalImport(FRAME_BASE, "env", FRAME_BASE, unit.b.i32, false);
  const ids = new Map(rows.map((row, k) => [row.path, k]));
  const frames = numberFrames(unit, ids, stackEndHit, FRAME_BASE);
  placeData(unit, kept, data);
  if (debug || stepped) {
    // Hooks run outside both universes: nobody watches them.
    const hooks = new Set(Object.values(source.hooks));
    const versions = rows.map(({ path }, k) => [path, { id: k, slot: slots.get(path) ?? 0 }] as const);
    const traced = new Map(versions.filter(([path]) => unit.isPatchable(path) && !hooks.has(path)));
    traceVersions(unit, traced, { record, layout, base: FRAME_BASE });
  }
  importPerCpu(unit, base.percpu);
  keepOnly(unit, exported, optimizeLevel);

  const block = data.block();
  const info = describePatch(unit, {
    ...build,
    base,
    changes,
    rows,
    exported,
    frames,
    sleepable,
    hooks: source.hooks,
    data: { bytes: block.bytes.length, relocations: block.relocations },
  });
  const { wasm } = finish(unit, optimizeLevel, "");
  const withData = appendSection(wasm, DATA_SECTION, block.bytes);
  const section = new TextEncoder().encode(JSON.stringify(info));
  return { wasm: appendSection(withData, PATCH_SECTION, section), info, data: block.bytes };
}

/** The functions of the module, and those that it exports: a pointer to one without a slot makes it an export. */
function keep(unit: Unit, changes: Changes, data: PatchData): { kept: DefinedFunction[]; exported: string[] } {
  const exported = new Set([...changes.replaced.map(({ now }) => now.path), ...changes.added.map(({ path }) => path)]);
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
  for (const { name } of kept) {
    const fn = unit.functions().find((one) => one.name === name);
    if (!fn) continue;
    resolveAddresses(unit, fn, (address) => {
      const placed = data.place(address, name);
      if ("kernel" in placed) return m.i32.const(placed.kernel);
      return m.i32.add(m.global.get(DATA_BASE, b.i32), m.i32.const(placed.offset));
    });
  }
}
