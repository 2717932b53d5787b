/**
 * Kernel source → kernel image.
 *
 * Idea: this file is the order of the passes and nothing else; each pass says what it does and keeps.
 * Contract: `root` is any folder that holds `kernel/`, so that a patched copy builds as the original does.
 * Invariant: all analysis of calls and pointers is done while calls are still direct; hooks come last.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { features, loadBinaryen } from "./binaryen.ts";
import { BodyNormaliser } from "./body-hash.ts";
import { callGraph, propagate, sleepingPointerCallers } from "./call-graph.ts";
import { compile } from "./compile.ts";
import { readConstants } from "./constants.ts";
import { runtimeFunction } from "./contract.ts";
import { MAP_FORMAT } from "./image.ts";
import type { KernelImage, KernelMap, Variant } from "./image.ts";
import { annotatedText, CallLocations } from "./locations.ts";
import { assertAtomicCalls } from "./passes/atomic-asserts.ts";
import { asyncify, simplify, withoutAsyncify } from "./passes/asyncify.ts";
import { takeDataSegments } from "./passes/data-segments.ts";
import { finish } from "./passes/finish.ts";
import { numberFrames } from "./passes/frames.ts";
import { checkGlobals } from "./passes/globals.ts";
import { fillTable, hookCalls, planSlots } from "./passes/hooks.ts";
import { maySleep } from "./passes/may-sleep.ts";
import { insertSafepoints } from "./passes/safepoints.ts";
import { checkStaticData } from "./passes/static-data.ts";
import { insertStepPoints } from "./passes/step-points.ts";
import { addStubs } from "./passes/stubs.ts";
import { appendSection, DATA_SECTION, encodeData, MAP_SECTION } from "./sections.ts";
import { completeSymbols, planSymbols } from "./symbols.ts";
import { Unit } from "./unit.ts";

export interface KernelBuild extends Variant {
  readonly root: string;
  /** Source files whose exports the image has; `kernel/main.ts` first. */
  readonly entries: readonly string[];
  /** 0 to 3. */
  readonly optimizeLevel: number;
  /** The name of the source map's file, or empty for an image without source lines, which builds faster. */
  readonly mapName: string;
}

/** As in kernel/abi.ts; the mini kernels of the tests have no such file of their own. */
const STEPS = { atomic: 1, call: 2 };

export async function buildKernel(options: KernelBuild): Promise<KernelImage> {
  const layout = await readConstants(join(options.root, "kernel/layout.ts"));
  const { debug, stepped } = options;
  const { wasm, sourceMap, declarations } = await compile({
    root: options.root,
    entries: options.entries,
    target: "kernel",
    memoryBase: layout.get("STATIC_DATA") ?? 0,
    constants: { DEBUG: Number(debug), STEPPED: Number(stepped) },
  });
  const b = await loadBinaryen();
  b.setDebugInfo(true);
  const text = options.mapName === "" ? "" : await annotatedText(wasm, sourceMap);
  const m = text === "" ? b.readBinary(wasm, features(b)) : b.parseText(text, features(b));
  m.setFeatures(features(b));
  const unit = new Unit(b, m, declarations);
  try {
    return transform(unit, options, text);
  } finally {
    m.dispose();
  }
}

function transform(unit: Unit, options: KernelBuild, text: string): KernelImage {
  const { debug, stepped, hooks, optimizeLevel } = options;
  const locations = text === "" ? undefined : new CallLocations(unit, text);
  checkGlobals(unit);
  checkStaticData(unit);
  const symbols = planSymbols(unit, new BodyNormaliser(unit));

  simplify(unit, optimizeLevel);
  const sleepable = maySleep(unit);
  const frames =
    options.asyncify === "none" ? new Map<string, number>() : makeSleepable(unit, options, symbols, sleepable);
  if (options.asyncify === "none") withoutAsyncify(unit);

  const plan = planSlots(unit, hooks);
  hookCalls(unit, plan, locations);
  fillTable(unit, plan, addStubs(unit, plan));
  const data = takeDataSegments(unit);
  const { wasm, sourceMap } = finish(unit, optimizeLevel, options.mapName);

  const map: KernelMap = {
    format: MAP_FORMAT,
    variant: { debug, stepped, hooks, asyncify: options.asyncify },
    identity: createHash("sha256").update(wasm).digest("hex"),
    stride: plan.stride,
    staticEnd: Math.max(0, ...data.map(({ address, bytes }) => address + bytes.length)),
    functions: completeSymbols(symbols, { sleepable, slots: plan.slots, frames }),
    sourceMap: options.mapName,
  };
  const withData = appendSection(wasm, DATA_SECTION, encodeData(data));
  return {
    wasm: appendSection(withData, MAP_SECTION, new TextEncoder().encode(JSON.stringify(map))),
    sourceMap,
    map,
    data,
  };
}

/** Everything between "it is known who sleeps" and "they can": safepoints, step points, Asyncify, frame ids. */
function makeSleepable(
  unit: Unit,
  options: KernelBuild,
  symbols: readonly { id: number; path: string }[],
  sleepable: ReadonlySet<string>,
): Map<string, number> {
  const { optimizeLevel } = options;
  insertSafepoints(unit, sleepable);
  if (options.stepped) insertStepPoints(unit, STEPS);
  const graph = callGraph(unit);
  const mayUnwind = (roots: readonly string[]): Set<string> => {
    const reached = propagate(unit, graph, [...graph.bottom, ...roots]);
    for (const name of graph.bottom) reached.delete(name); // they start the unwinding, and have nothing to restore
    return reached;
  };
  const indirect = options.stepped
    ? [...graph.indirect].filter((name) => !unit.isBare(name) && !graph.top.has(name))
    : sleepingPointerCallers(unit, graph);
  const unwinding = mayUnwind(indirect);
  asyncify(unit, {
    globals: "export",
    indirect: options.stepped ? "all" : indirect,
    imports: [],
    never: [...graph.calls.keys()].filter((name) => unit.isBare(name)),
    expected: unwinding,
    optimizeLevel,
  });
  if (options.debug) assertAtomicCalls(unit, unwinding);
  const ids = new Map(symbols.map((row) => [row.path, row.id]));
  return numberFrames(unit, ids, runtimeFunction(unit, "stack_end_hit"));
}
