/**
 * Pass `globals`: nothing shared may hide in a Wasm global.
 *
 * Problem   every CPU has its own instance, so a module-level `let` is a variable per CPU, silently.
 * Example   `let tasks: i32 = 0;` counts on each CPU for itself.
 * Emitted   nothing; refused unless the variable says `@percpu`. Code at top level would run once per CPU: refused,
 *           but for what a static assertion leaves behind, a constant computed and dropped, which is taken out.
 * Invariant after this pass every mutable global is one that its author wanted per CPU, and nothing runs by itself.
 */
import { MachineError } from "../../errors.ts";
import { children, kindOf, view } from "../expressions.ts";
import type { Expression } from "../binaryen.ts";
import type { DefinedFunction, Unit } from "../unit.ts";

/** The compiler exports code at top level under this name (asconfig.json, exportStart). */
const START_EXPORT = "_start";
/** The compiler's own: set before each call through a function value; set when code at top level has run. */
const COMPILER_GLOBALS = new Set(["~argumentsLength", "~started"]);

export function checkGlobals(unit: Unit): void {
  const { b, m } = unit;
  for (let i = 0; i < m.getNumGlobals(); i++) {
    const global = b.getGlobalInfo(m.getGlobalByIndex(i));
    if (!global.mutable || COMPILER_GLOBALS.has(global.name)) continue;
    if (unit.declarations.globals.get(global.name)?.includes("percpu")) continue;
    throw new MachineError(
      "SHARED_STATE_IN_GLOBAL",
      `${unit.described(global.name)} is a mutable variable of the module, so every CPU would have its own`,
      "Keep shared state in memory (kernel/layout.ts), or mark the variable @percpu if one per CPU is what you want.",
    );
  }
  removeTopLevelCode(unit);
}

/** Takes out start functions that compute nothing; refuses others. */
function removeTopLevelCode(unit: Unit): void {
  const { b, m } = unit;
  const start = m.getStart();
  if (start) throw topLevelCode(b.getFunctionInfo(start).name);
  const found = unit.functions().filter(({ name }) => name === "~start" || name.startsWith("start:"));
  for (const fn of found) if (!isHarmless(unit, fn)) throw topLevelCode(fn.name);
  if (found.length > 0) m.removeExport(START_EXPORT);
  for (const fn of found) m.removeFunction(fn.name);
}

function topLevelCode(name: string): MachineError {
  return new MachineError(
    "TOP_LEVEL_CODE",
    `the module has a start function, ${name}, which would run once on every CPU`,
    "Move the code at top level, initialisers that are no constants included, into a function that boot calls.",
  );
}

const HARMLESS = new Set(["Nop", "Block", "If", "Return", "Drop", "Const", "GlobalGet", "Unary", "Binary"]);

/** Whether a start function only drops constants, or calls others of its kind. */
function isHarmless(unit: Unit, fn: DefinedFunction): boolean {
  const { b } = unit;
  const visit = (expression: Expression): boolean => {
    const kind = kindOf(b, expression);
    const known =
      HARMLESS.has(kind) ||
      (kind === "GlobalSet" && view(b, expression)["name"] === "~started") ||
      (kind === "Call" && String(view(b, expression)["target"]).startsWith("start:"));
    return known && children(b, expression).every((child) => visit(child.value));
  };
  return visit(fn.body);
}
