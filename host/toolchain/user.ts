/**
 * User programs → a user image.
 *
 * Idea: a user program is Wasm that was made harmless: it knows offsets into a window, system calls, and nothing else.
 * Contract: `buildUser` compiles AssemblyScript, `transformUser` takes any module; both give one image with the
 * programs that it exports. The kernel provides memory, window, Asyncify's globals, syscall, user_safepoint,
 * stack_end_hit. Invariant: after the passes no instruction can name an address outside the window.
 */
import { createHash } from "node:crypto";
import { MachineError } from "../errors.ts";
import { USER_FRAME_IDS } from "../../kernel/abi.ts";
import { callGraph, propagate } from "./call-graph.ts";
import { compile } from "./compile.ts";
import { NO_DECLARATIONS } from "./declarations.ts";
import type { Declarations } from "./declarations.ts";
import { MAP_FORMAT } from "./image.ts";
import { asyncify, DATA_GLOBAL, simplify, STATE_GLOBAL } from "./passes/asyncify.ts";
import { memoryName, takeDataSegments } from "./passes/data-segments.ts";
import { finish } from "./passes/finish.ts";
import { numberFrames } from "./passes/frames.ts";
import { insertLoopChecks } from "./passes/safepoints.ts";
import { moveGlobals } from "./passes/user-globals.ts";
import { checkUserRules } from "./passes/user-rules.ts";
import type { Program } from "./passes/user-rules.ts";
import { confineToWindow } from "./passes/user-window.ts";
import { appendSection, DATA_SECTION, encodeData, MAP_SECTION } from "./sections.ts";
import type { DataBlock } from "./sections.ts";
import { readUnit } from "./read-unit.ts";
import type { Unit } from "./unit.ts";

/** Where a compiled program's variables and data lie in its window; below is the null page. */
const GLOBALS = 64;
const MEMORY_BASE = 1024;
const SMALLEST_WINDOW = 4096;
const LARGEST_WINDOW = 1 << 24;
const WASM_PAGE = 65536;
/** Turns between two safepoints of a loop. A power of two. */
const USER_LOOP_PERIOD = 1024;
const SAFEPOINT = "user_safepoint";
const STACK_END_HIT = "stack_end_hit";

export interface UserOptions {
  /** Bytes behind the static data that a program may use as it likes. */
  readonly heapBytes: number;
  readonly optimizeLevel: number;
  /** The name of the source map's file, or empty for none. */
  readonly mapName: string;
}

export interface UserFunctionRow {
  /** `USER_FRAME_IDS` plus the row's index. */
  readonly id: number;
  readonly name: string;
  readonly path: string;
  readonly signature: string;
  /** Bytes of a saved frame, or 0. */
  readonly frameSize: number;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface UserMap {
  readonly format: typeof MAP_FORMAT;
  readonly identity: string;
  readonly programs: readonly Program[];
  /** Size of a process's window, a power of two. */
  readonly windowBytes: number;
  /** Bytes of the template that each window starts with; zeros follow. */
  readonly dataEnd: number;
  readonly functions: readonly UserFunctionRow[];
  readonly sourceMap: string;
}

export interface UserImage {
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly sourceMap: string;
  readonly map: UserMap;
  readonly data: readonly DataBlock[];
}

/** Compiles `entry` below `root` and makes it a user image. */
export interface UserBuild extends UserOptions {
  readonly root: string;
  readonly entry: string;
}

export async function buildUser(source: UserBuild): Promise<UserImage> {
  const { root, entry, ...options } = source;
  const lines = options.mapName !== "";
  const compiled = await compile({ root, entries: [entry], target: "user", memoryBase: MEMORY_BASE, lines });
  return transform(lines ? compiled.text : compiled.wasm, compiled.declarations, options);
}

/** Makes any module a user image. */
export async function transformUser(wasm: Uint8Array<ArrayBuffer>, options: UserOptions): Promise<UserImage> {
  if (!WebAssembly.validate(wasm)) {
    throw new MachineError(
      "INVALID_MODULE",
      "this engine does not accept the user program",
      "Build it again, for the features of Node 20.",
    );
  }
  return transform(wasm, NO_DECLARATIONS, options);
}

async function transform(
  module: Uint8Array | string,
  declarations: Declarations,
  options: UserOptions,
): Promise<UserImage> {
  const unit = await readUnit(module, declarations);
  try {
    return runPasses(unit, options);
  } finally {
    unit.m.dispose();
  }
}

function runPasses(unit: Unit, options: UserOptions): UserImage {
  const { b, m } = unit;
  const { optimizeLevel, mapName } = options;
  const programs = checkUserRules(unit);
  const place = placeWindow(unit, options.heapBytes);
  const globals = moveGlobals(unit, place.globals, place.globalsEnd);
  const functions = unit.functions().toSorted((left, right) => (left.name < right.name ? -1 : 1));
  const ids = new Map(functions.map((fn, index) => [fn.name, USER_FRAME_IDS + index]));

  simplify(unit, optimizeLevel);
  m.addFunctionImport(SAFEPOINT, "env", SAFEPOINT, b.none, b.none);
  for (const fn of unit.functions()) insertLoopChecks(unit, fn, () => SAFEPOINT, USER_LOOP_PERIOD);
  confineToWindow(unit, place.bytes);
  makeSleepable(unit, optimizeLevel);
  m.addFunctionImport(STACK_END_HIT, "env", STACK_END_HIT, b.none, b.none);
  const frames = numberFrames(unit, ids, STACK_END_HIT);

  const data = [globals, ...takeDataSegments(unit, memoryName(unit))].filter(({ bytes }) => bytes.length > 0);
  const { wasm, sourceMap } = finish(unit, optimizeLevel, mapName);
  const map: UserMap = {
    format: MAP_FORMAT,
    identity: createHash("sha256").update(wasm).digest("hex"),
    programs,
    windowBytes: place.bytes,
    dataEnd: Math.max(0, ...data.map(({ address, bytes }) => address + bytes.length)),
    functions: functions.map((fn) => {
      const { file, line, column } = unit.declaration(fn.name) ?? { file: "", line: 0, column: 0 };
      const signature = unit.signature(fn);
      const [id, frameSize] = [ids.get(fn.name) ?? 0, frames.get(fn.name) ?? 0];
      return { id, name: unit.shortName(fn.name), path: fn.name, signature, frameSize, file, line, column };
    }),
    sourceMap: mapName,
  };
  const withData = appendSection(wasm, DATA_SECTION, encodeData(data));
  return {
    wasm: appendSection(withData, MAP_SECTION, new TextEncoder().encode(JSON.stringify(map))),
    sourceMap,
    map,
    data,
  };
}

interface Window {
  readonly bytes: number;
  readonly globals: number;
  readonly globalsEnd: number;
}

/** The window's size and the variables' place: in front of compiled data, behind the memory of a module with its own. */
function placeWindow(unit: Unit, heapBytes: number): Window {
  const { m } = unit;
  const dataEnd = Math.max(MEMORY_BASE, ...unit.data().map(({ address, bytes }) => address + bytes.length));
  const compiled = unit.declarations.functions.size > 0;
  if (compiled) return { bytes: windowSize(dataEnd + heapBytes), globals: GLOBALS, globalsEnd: MEMORY_BASE };
  const ownMemory = m.hasMemory() ? m.getMemoryInfo().initial * WASM_PAGE : 0;
  const globals = Math.ceil(Math.max(dataEnd, ownMemory) / 8) * 8;
  const globalsEnd = globals + m.getNumGlobals() * 8;
  return { bytes: windowSize(globalsEnd + heapBytes), globals, globalsEnd };
}

function windowSize(needed: number): number {
  const bytes = 2 ** Math.ceil(Math.log2(Math.max(SMALLEST_WINDOW, needed)));
  if (bytes <= LARGEST_WINDOW) return bytes;
  throw new MachineError(
    "FORBIDDEN_IN_USER_PROGRAM",
    `the user program needs a window of ${bytes} bytes; the largest is ${LARGEST_WINDOW}`,
    "Declare less memory: every process gets a window of this size.",
  );
}

/** Asyncify with the kernel's globals: system calls, safepoints and unknown callees may unwind. */
function makeSleepable(unit: Unit, optimizeLevel: number): void {
  const { b, m } = unit;
  const unwinding = unit.imports().map(({ name, base }) => ({ name, import: `env.${base}` }));
  const graph = callGraph(unit);
  const imported = new Set(unwinding.map(({ name }) => name));
  const roots = [...graph.calls].filter(
    ([name, targets]) => graph.indirect.has(name) || [...targets].some((target) => imported.has(target)),
  );
  asyncify(unit, {
    globals: "import",
    indirect: "all",
    imports: unwinding.map((fn) => fn.import),
    never: [],
    expected: propagate(
      unit,
      graph,
      roots.map(([name]) => name),
    ),
    optimizeLevel,
  });
  for (let i = m.getNumExports() - 1; i >= 0; i--) {
    const { name } = b.getExportInfo(m.getExportByIndex(i));
    if (name.startsWith("asyncify_")) m.removeExport(name);
  }
  for (const name of [STATE_GLOBAL, DATA_GLOBAL]) checkImported(unit, name);
}

function checkImported(unit: Unit, name: string): void {
  if (unit.b.getGlobalInfo(unit.m.getGlobal(name)).module === "env") return;
  throw new MachineError(
    "INVALID_MODULE",
    `${name} is not the kernel's`,
    "This is a fault of the toolchain: see passes/asyncify.ts.",
  );
}
