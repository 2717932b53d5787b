/**
 * Pass `globals`: nothing shared may hide in a Wasm global.
 *
 * Problem   every CPU has its own instance, so a module-level `let` is a variable per CPU, silently.
 * Example   `let tasks: i32 = 0;` counts on each CPU for itself.
 * Emitted   nothing; refused unless the variable says `@percpu`. Code at top level would run once per CPU: refused.
 * Invariant after this pass every mutable global is one that its author wanted per CPU.
 */
import { MachineError } from "../../errors.ts";
import type { Unit } from "../unit.ts";

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
  const start = m.getStart();
  if (start) {
    throw new MachineError(
      "TOP_LEVEL_CODE",
      `the module has a start function, ${b.getFunctionInfo(start).name}, which would run once on every CPU`,
      "Move the code at top level, initialisers that are no constants included, into a function that boot calls.",
    );
  }
}
