/**
 * Kernel source → kernel image.
 *
 * Idea: this file is the order of the passes and nothing else; each pass says what it does and keeps.
 * Contract: `root` is any folder that holds `kernel/`, so that a patched copy builds as the original does.
 * Invariant: all analysis of calls and pointers is done while calls are still direct; hooks come last.
 */
import { createHash } from "node:crypto";
import type { Expression } from "./binaryen.ts";
import { BodyNormaliser } from "./body-hash.ts";
import { runtimeFunction } from "./contract.ts";
import { debugLines } from "./debug-lines.ts";
import type { DebugLine } from "./debug-lines.ts";
import { sourceDigest } from "./fingerprint.ts";
import { MAP_FORMAT } from "./image.ts";
import type { KernelImage, KernelMap, Variant } from "./image.ts";
import { CallLocations } from "./locations.ts";
import { simplify, withoutAsyncify } from "./passes/asyncify.ts";
import { MEMORY_OF_BYTES, MEMORY_OF_TEXT, takeDataSegments } from "./passes/data-segments.ts";
import { placeDebugLines } from "./passes/debug-lines.ts";
import { finish } from "./passes/finish.ts";
import { numberFrames } from "./passes/frames.ts";
import { checkGlobals } from "./passes/globals.ts";
import { addHeadroom } from "./passes/headroom.ts";
import { fillTable, hookCalls, planSlots } from "./passes/hooks.ts";
import { maySleep } from "./passes/may-sleep.ts";
import { exportPerCpu } from "./passes/percpu.ts";
import { checkStaticData } from "./passes/static-data.ts";
import { defineCopyEntry } from "./passes/table-entries.ts";
import { addSlowStubs, sideAmong, slotChoice } from "./passes/slow-stubs.ts";
import { addTraceStubs } from "./passes/trace-stubs.ts";
import { traceVersions } from "./passes/version-trace.ts";
import { appendSection, DATA_SECTION, encodeData, MAP_SECTION } from "./sections.ts";
import { makeSleepable } from "./sleepable.ts";
import { readUnit } from "./read-unit.ts";
import { compileSource } from "./source-unit.ts";
import type { CompiledSource, SourceBuild } from "./source-unit.ts";
import { completeSymbols, planSymbols } from "./symbols.ts";
import type { PlannedRow } from "./symbols.ts";
import type { Unit } from "./unit.ts";

export interface KernelBuild extends Variant, SourceBuild {
  /** 0 to 3. */
  readonly optimizeLevel: number;
  /** The name of the source map's file, or empty for an image without source lines, which builds faster. */
  readonly mapName: string;
}

/** What a kernel image begins with; images that differ in other switches may share it. */
export function compileKernel(options: KernelBuild): Promise<CompiledSource> {
  return compileSource(options, { lines: options.mapName !== "" });
}

/** `compiled` is what compileKernel() made of the same source; without it, it is asked. */
export async function buildKernel(options: KernelBuild, compiled?: CompiledSource): Promise<KernelImage> {
  const { wasm, text, declarations, layout } = compiled ?? (await compileKernel(options));
  const source = sourceDigest(options.root);
  const bare = await readUnit(wasm, declarations);
  const unit = text === "" ? bare : await readUnit(text, declarations);
  try {
    const lines = await debugLines(options.root, unit);
    return transform(unit, options, { text, layout, source, lines, ...planned(bare) });
  } finally {
    for (const { m } of new Set([bare, unit])) m.dispose();
  }
}

/** What patches are compared with: the module without lines, as patches are, since text has other labels and locals. */
function planned(unit: Unit): Pick<Facts, "symbols" | "statics"> {
  const bodies = new BodyNormaliser(unit);
  return { symbols: planSymbols(unit, bodies), statics: bodies.statics() };
}

interface Facts extends Pick<CompiledSource, "text" | "layout">, Pick<KernelMap, "source" | "statics"> {
  readonly lines: readonly DebugLine[];
  readonly symbols: readonly PlannedRow[];
}

function transform(
  unit: Unit,
  options: KernelBuild,
  { text, layout, source, lines, symbols, statics }: Facts,
): KernelImage {
  const { debug, stepped, hooks, optimizeLevel } = options;
  const locations = text === "" ? undefined : new CallLocations(unit, text);
  checkGlobals(unit);
  checkStaticData(unit);
  placeDebugLines(unit, lines, layout.get("DEBUG_FLAGS") ?? 0, (line) => () => unit.m.i32.const(lines.indexOf(line)));

  simplify(unit, optimizeLevel);
  const sleepable = maySleep(unit);
  const frames = new Map<string, number>();
  if (options.asyncify === "none") withoutAsyncify(unit);
  else {
    makeSleepable(unit, { debug, stepped, optimizeLevel, globals: "export", always: [] }, sleepable);
    const ids = new Map(symbols.map(({ path, id }) => [path, id]));
    for (const [path, size] of numberFrames(unit, ids, runtimeFunction(unit, "stack_end_hit"))) frames.set(path, size);
  }
  const percpu = exportPerCpu(unit);

  const plan = planSlots(unit, hooks);
  defineCopyEntry(unit, plan.table);
  hookCalls(unit, plan, locations);
  if (debug || stepped) {
    const ids = symbols.map(({ path, id }) => [path, { id, slot: plan.slots.get(path) ?? 0 }] as const);
    const patchable = new Map(ids.filter(([path]) => plan.slots.has(path)));
    traceVersions(unit, patchable, { record: runtimeFunction(unit, "klp_trace_call"), layout });
  }
  const rewound = (name: string): boolean => sleepable.has(name);
  const choice = debug || stepped ? undefined : slotChoice(layout, rewound, () => sideAmong(unit, percpu));
  const versionOf = (slot: number): Expression => unit.m.i32.const(plan.stride + slot);
  const slow = addSlowStubs(unit, { ...plan, choice, versionOf });
  fillTable(unit, plan, { slow, trace: addTraceStubs(unit, plan) });
  addHeadroom(unit);
  const data = takeDataSegments(unit, text === "" ? MEMORY_OF_BYTES : MEMORY_OF_TEXT);
  const { wasm, sourceMap } = finish(unit, optimizeLevel, options.mapName);

  const map: KernelMap = {
    format: MAP_FORMAT,
    variant: { debug, stepped, hooks, asyncify: options.asyncify },
    identity: createHash("sha256").update(wasm).digest("hex"),
    stride: plan.stride,
    spareSlots: plan.spare,
    staticEnd: Math.max(0, ...data.map(({ address, bytes }) => address + bytes.length)),
    functions: completeSymbols(symbols, { sleepable, slots: plan.slots, frames }),
    sourceMap: options.mapName,
    source,
    statics,
    layouts: Object.fromEntries(unit.declarations.layouts),
    debugLines: lines,
    percpu,
  };
  const withData = appendSection(wasm, DATA_SECTION, encodeData(data));
  return {
    wasm: appendSection(withData, MAP_SECTION, new TextEncoder().encode(JSON.stringify(map))),
    sourceMap,
    map,
    data,
  };
}
