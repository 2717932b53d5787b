/**
 * Kernel source + diffs → patch module, for the kernel or for one kernel module.
 *
 * Idea: the whole patched kernel goes down the road of a kernel image, and at its end all but the changed functions is
 * taken away; this file is the order of that. Contract: `base` is the map of the image that the patch is for, built
 * from the same source; with its static data (`baseData`) the patch uses what the kernel has instead of bringing a
 * copy. Invariant: what comes out fits that image alone, and a refusal leaves nothing behind.
 */
import { join } from "node:path";
import { MachineError } from "../errors.ts";
import { checkBase } from "./base.ts";
import { BodyNormaliser } from "./body-hash.ts";
import { readConstants } from "./constants.ts";
import { debugLines } from "./debug-lines.ts";
import type { DebugLine } from "./debug-lines.ts";
import type { KernelMap } from "./image.ts";
import { KERNEL_ENTRIES } from "./images.ts";
import { linkToKernel } from "./link.ts";
import type { LinkPlan } from "./link.ts";
import { buildModule } from "./module.ts";
import type { ModuleImage } from "./module.ts";
import { moduleSource } from "./module-source.ts";
import { finish } from "./passes/finish.ts";
import { checkGlobals } from "./passes/globals.ts";
import { moveModuleState } from "./passes/module-state.ts";
import { checkStaticData } from "./passes/static-data.ts";
import { checkClasses, checkLayouts, checkStatics, checkVariables, findChanges } from "./patch-changes.ts";
import type { Changes } from "./patch-changes.ts";
import { moduleFolder, PATCH_SECTION } from "./patch-format.ts";
import type { PatchInfo, PatchModel } from "./patch-format.ts";
import { describePatch } from "./patch-info.ts";
import { badHook, patchSource } from "./patch-source.ts";
import type { ModuleFile, PatchedSource } from "./patch-source.ts";
import { appendSection, DATA_SECTION } from "./sections.ts";
import type { DataBlock } from "./sections.ts";
import { sourceUnit } from "./source-unit.ts";
import type { SourceUnit } from "./source-unit.ts";
import { planSymbols } from "./symbols.ts";
import type { PlannedRow } from "./symbols.ts";
import type { Unit } from "./unit.ts";

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
  /** The kernel module whose functions the diffs change: its source, unpatched, the main file first. */
  readonly module?: PatchedModule | undefined;
}

export interface PatchedModule {
  readonly name: string;
  readonly files: readonly ModuleFile[];
  /** What buildModule() made of them; without it, it is asked. */
  readonly image?: ModuleImage;
}

/** What a patch of a module is compared with. */
interface ModuleBase {
  readonly folder: string;
  readonly variables: readonly string[];
  readonly words: readonly number[];
}

export interface PatchImage {
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly info: PatchInfo;
  readonly data: Uint8Array<ArrayBuffer>;
}

export async function buildPatch(build: PatchBuild): Promise<PatchImage> {
  const { root, module, diffs, entries = KERNEL_ENTRIES } = build;
  if (!module) {
    checkBase(root, build.base);
    return compilePatch(await patchSource(root, entries, diffs), build);
  }
  const { info, map, variables } = module.image ?? (await buildModule({ ...build, ...module }));
  const source = await moduleSource(root, entries, module.name, module.files, diffs);
  return compilePatch(source, { ...build, base: map }, { folder: source.folder, variables, words: info.state });
}

async function compilePatch(source: PatchedSource, build: PatchBuild, module?: ModuleBase): Promise<PatchImage> {
  const { base } = build;
  try {
    const { debug, stepped } = base.variant;
    const compiled = await sourceUnit({ root: source.root, entries: source.entries, debug, stepped });
    try {
      return await changedPart(source, compiled, build, module);
    } finally {
      compiled.unit.m.dispose();
    }
  } finally {
    await source.dispose();
  }
}

async function changedPart(
  source: PatchedSource,
  { unit, layout }: SourceUnit,
  build: PatchBuild,
  module?: ModuleBase,
): Promise<PatchImage> {
  const { root, base } = build;
  if (module) checkVariables(moveModuleState(unit, module.folder), module);
  checkLayouts(await constantsOf(root, source.root), unit, base);
  const changes = judge(unit, source, base);
  const lines = await debugLines(source.root, unit);
  return transform(unit, { changes, source, layout, lines }, build);
}

/** The files of numbers, before and after the patch. */
async function constantsOf(root: string, patched: string): Promise<Parameters<typeof checkLayouts>[0]> {
  const read = (folder: string, file: string): Promise<Map<string, number>> =>
    readConstants(join(folder, file)).catch((error: unknown) => {
      // A mini kernel has layout.ts only.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Map<string, number>();
      throw error;
    });
  const files = ["kernel/layout.ts", "kernel/abi.ts", "kernel/records.ts"];
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

/** What is no sleeper in the kernel is none in the patch either. */
function versionsOf({ replaced }: Changes): NonNullable<LinkPlan["versions"]> {
  const sleeping = new Set(replaced.flatMap(({ now, base }) => (base.class === "sleepable" ? [now.path] : [])));
  return {
    slots: new Map(replaced.map(({ now, base }) => [now.path, base.slot])),
    rewound: (path) => sleeping.has(path),
  };
}

function transform(
  unit: Unit,
  {
    changes,
    source,
    layout,
    lines,
  }: {
    changes: Judged;
    source: PatchedSource;
    layout: ReadonlyMap<string, number>;
    lines: readonly DebugLine[];
  },
  { base, baseData = [], optimizeLevel, module, ...build }: PatchBuild,
): PatchImage {
  const folder = module && moduleFolder(module.name);
  const ofModule = folder === undefined ? [] : changes.symbols.filter(({ path }) => path.startsWith(folder));
  const linked = linkToKernel(unit, {
    base,
    baseData,
    optimizeLevel,
    layout,
    symbols: changes.symbols,
    roots: [...changes.replaced.map(({ now }) => now.path), ...changes.added.map(({ path }) => path)],
    own: [],
    ...(module ? {} : { versions: versionsOf(changes) }), // a module's slots are known when it is loaded
    lines,
    ownLines: [],
    // Hooks run outside both universes: nobody watches them, nor a module's functions, whose slots change.
    unwatched: new Set([...Object.values(source.hooks), ...ofModule.map(({ path }) => path)]),
    check: (sleepable) => checkClasses(unit, changes.symbols, sleepable, changes, base),
  });
  const { bytes, relocations } = linked.data;
  const data = { bytes: bytes.length, relocations };
  const object = module?.name ?? null;
  const info = describePatch(unit, { ...build, ...linked, object, base, changes, hooks: source.hooks, data });
  const { wasm } = finish(unit, optimizeLevel, "");
  const section = new TextEncoder().encode(JSON.stringify(info));
  return { wasm: appendSection(appendSection(wasm, DATA_SECTION, bytes), PATCH_SECTION, section), info, data: bytes };
}
