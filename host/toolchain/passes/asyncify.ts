/**
 * Pass `asyncify`: functions that may sleep can unwind into memory and rewind from it.
 *
 * Problem   Wasm has no way to leave a call chain and come back to it.
 * Example   `context_switch()` in the middle of `sys_read`.
 * Emitted   Binaryen's Asyncify, told which pointer calls may sleep; its two globals are exported (kernel) or imported
 *           (patch, user program), so that all modules on one CPU unwind together. With `none`, the four functions trap.
 * Invariant the functions that can unwind are exactly those that the toolchain's own analysis found. Optimising
 *           before and after is intra-function only: inlining here would hide functions from hooks and from frames.
 */
import { MachineError } from "../../errors.ts";
import { withPasses } from "../binaryen.ts";
import { kindOf, view, walk } from "../expressions.ts";
import type { Expression } from "../binaryen.ts";
import type { Unit } from "../unit.ts";

export const STATE_GLOBAL = "__asyncify_state";
export const DATA_GLOBAL = "__asyncify_data";
/** Asyncify's name for the block that an unwinding call breaks out of. */
export const UNWIND_BLOCK = "__asyncify_unwind";
export const UNWINDING = 1;
export const REWINDING = 2;

/** Fewer locals that live across a call make smaller saved frames. */
const BEFORE = [
  "precompute-propagate",
  "simplify-locals",
  "vacuum",
  "remove-unused-brs",
  "merge-blocks",
  "optimize-instructions",
  "coalesce-locals",
  "reorder-locals",
  "remove-unused-names",
  "vacuum",
];

/** All functions but those `without`: nobody wants their bodies. */
export function simplify(unit: Unit, optimizeLevel: number, without: ReadonlySet<string> = new Set()): void {
  if (optimizeLevel === 0) return;
  withPasses(unit.b, { optimizeLevel }, () => {
    if (without.size === 0) unit.m.runPasses(BEFORE);
    else for (const { name } of unit.functions()) if (!without.has(name)) unit.m.runPassesOnFunction(name, BEFORE);
  });
}

/** At any level but 0 Asyncify cleans up before and behind itself; more than this makes neither frames nor code smaller. */
const TIDY = 1;

export interface AsyncifyOptions {
  /** Who owns Asyncify's globals: this module, or the kernel it is loaded into. */
  readonly globals: "export" | "import";
  /** Functions whose own indirect calls may unwind; `all` takes every indirect call for one that may. */
  readonly indirect: readonly string[] | "all";
  /** Functions whose callers must expect them to unwind, whether they do or not. */
  readonly forced?: readonly string[];
  /** Imports that may unwind, as `module.name`. */
  readonly imports: readonly string[];
  /** Functions that must stay as they are. */
  readonly never: readonly string[];
  /** What must come out: the functions that can unwind. */
  readonly expected: ReadonlySet<string>;
  readonly optimizeLevel: number;
}

export function asyncify(unit: Unit, options: AsyncifyOptions): void {
  const settings: Record<string, string> = { [`asyncify-${options.globals}-globals`]: "1" };
  if (options.imports.length > 0) settings["asyncify-imports"] = options.imports.join(",");
  else settings["asyncify-ignore-imports"] = "1";
  if (options.never.length > 0) settings["asyncify-removelist"] = options.never.join(",");
  const added = [...(options.forced ?? []), ...(options.indirect === "all" ? [] : options.indirect)];
  if (options.indirect !== "all") settings["asyncify-ignore-indirect"] = "1";
  if (added.length > 0) {
    settings["asyncify-addlist"] = `${added.join("\n")}\n`; // names of generic functions hold commas
    settings["asyncify-propagate-addlist"] = "1";
  }
  const optimizeLevel = Math.min(options.optimizeLevel, TIDY);
  withPasses(unit.b, { optimizeLevel, arguments: settings }, () => unit.m.runPasses(["asyncify"]));
  for (const fn of unit.functions()) {
    const instrumented = unwinds(unit, fn.body);
    const expected = options.expected.has(fn.name);
    if (instrumented === expected) continue;
    throw new MachineError(
      "ASYNCIFY_DISAGREES",
      `${fn.name} ${expected ? "may sleep but cannot unwind" : "can unwind but may not sleep"}`,
      "This is a fault of the toolchain: compare passes/may-sleep.ts with Asyncify's own analysis.",
    );
  }
}

/** Whether a function has code to unwind. */
export function unwinds(unit: Unit, body: Expression): boolean {
  let found = false;
  walk(unit.b, body, (expression, kind) => {
    if (kind === "Block") found ||= view(unit.b, expression)["name"] === UNWIND_BLOCK;
  });
  return found;
}

/** Whether `expression` reads Asyncify's data pointer. */
export function isDataPointer(unit: Unit, expression: Expression): boolean {
  return kindOf(unit.b, expression) === "GlobalGet" && view(unit.b, expression)["name"] === DATA_GLOBAL;
}

/** Without Asyncify nothing can sleep: the four functions trap. */
export function withoutAsyncify(unit: Unit): void {
  const { m } = unit;
  for (const fn of unit.imports().filter((imported) => imported.module === "asyncify")) {
    m.removeFunction(fn.name);
    m.addFunction(fn.name, fn.params, fn.results, [], m.unreachable());
  }
}
