/**
 * Pass `globals`: nothing shared may hide in a Wasm global.
 *
 * Problem   every CPU has its own instance, so a module-level `let` is a variable per CPU, silently.
 * Example   `let tasks: i32 = 0;` counts on each CPU for itself.
 * Emitted   nothing; refused unless the variable says `@percpu`. Code at top level would run once per CPU: refused.
 *           A static assertion leaves code at top level that computes a constant and drops it: that is taken out.
 * Invariant after this pass every mutable global is one that its author wanted per CPU, and nothing runs by itself.
 */
import { MachineError } from "../../errors.ts";
import { children, kindOf, view } from "../expressions.ts";
import type { DefinedFunction, Unit } from "../unit.ts";

/** The compiler exports code at top level under this name (asconfig.json, exportStart). */
const START_EXPORT = "_start";

/** Set by the compiler before each call through a function value, and read by nobody without optional parameters. */
const ARGUMENTS_LENGTH = "~argumentsLength";

export function checkGlobals(unit: Unit): void {
  const { b, m } = unit;
  for (let i = 0; i < m.getNumGlobals(); i++) {
    const global = b.getGlobalInfo(m.getGlobalByIndex(i));
    if (!global.mutable || global.name === ARGUMENTS_LENGTH) continue;
    if (unit.declarations.globals.get(global.name)?.includes("percpu")) continue;
    throw new MachineError(
      "SHARED_STATE_IN_GLOBAL",
      `${global.name} is a mutable variable of the module, so every CPU would have its own`,
      "Keep shared state in memory (kernel/layout.ts), or mark the variable @percpu if one per CPU is what you want.",
    );
  }
  const start = topLevelCode(unit);
  if (start.length === 0) return;
  for (const fn of start) {
    if (!isHarmless(unit, fn)) throw topLevelRefusal(fn.name);
  }
  m.removeExport(START_EXPORT);
  for (const fn of start) m.removeFunction(fn.name);
}

function topLevelRefusal(name: string): MachineError {
  return new MachineError(
    "TOP_LEVEL_CODE",
    `the module has a start function, ${name}, which would run once on every CPU`,
    "Move the code at top level, initialisers that are no constants included, into a function that boot calls.",
  );
}

/** The compiler's start functions: one for the module, one per source file. */
function topLevelCode(unit: Unit): DefinedFunction[] {
  const start = unit.m.getStart();
  if (start) throw topLevelRefusal(unit.b.getFunctionInfo(start).name);
  return unit.functions().filter(({ name }) => name === "~start" || name.startsWith("start:"));
}

const HARMLESS = new Set(["Nop", "Block", "Drop", "Const", "GlobalGet", "Unary", "Binary"]);

/** Whether a start function only drops constants, or calls others of its kind. */
function isHarmless(unit: Unit, fn: DefinedFunction): boolean {
  const visit = (expression: number): boolean => {
    const kind = kindOf(unit.b, expression);
    const known = HARMLESS.has(kind) || (kind === "Call" && view(unit.b, expression).target?.startsWith("start:"));
    return Boolean(known) && children(unit.b, expression).every(visit);
  };
  return fn.body === 0 || visit(fn.body);
}
