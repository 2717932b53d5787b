/**
 * Pass `debug-lines`: a line of pr_debug() that is off costs one load.
 *
 * Problem   lines for whoever looks for a fault must be in the code, and cost nothing while nobody does.
 * Example   `pr_debug("%d left", 0, left)` becomes `if (load<u8>(DEBUG_FLAGS + 3)) debug_line(3, 0, left)`.
 * Emitted   that, for each line that has a number; nothing for one that has none. The import `pr_debug` is gone then.
 * Invariant runs while calls are direct and bodies have their digests: numbers are no part of a body.
 */
import { MachineError } from "../../errors.ts";
import type { Expression } from "../binaryen.ts";
import { runtimeFunction } from "../contract.ts";
import type { DebugLine } from "../debug-lines.ts";
import { rewrite, view } from "../expressions.ts";
import type { Unit } from "../unit.ts";

const IMPORT = "pr_debug";
const BYTE = 1;

/** The name of the function that the pass puts `debug_line` in place of, in a module that calls it. */
export function debugImport(unit: Unit): string | undefined {
  return unit.imports().find(({ base }) => base === IMPORT)?.name;
}

/** `numberOf` makes a line's number, or gives nothing for a line that is to be left out. */
export function placeDebugLines(
  unit: Unit,
  lines: readonly DebugLine[],
  flags: number,
  numberOf: (line: DebugLine) => (() => Expression) | undefined,
): void {
  const { b, m } = unit;
  const imported = debugImport(unit);
  if (imported === undefined) return;
  const print = runtimeFunction(unit, "debug_line");
  for (const fn of unit.functions()) {
    const own = lines.filter(({ path }) => path === fn.name);
    let met = 0;
    const body = rewrite(b, fn.body, (expression, kind) => {
      const call = kind === "Call" ? view(b, expression) : undefined;
      if (!call || call["target"] !== imported) return expression;
      const number = own[met] && numberOf(own[met] as DebugLine);
      met++;
      if (!number) return m.nop();
      const operands = [1, 2].map((index) => call.getOperandAt(index));
      return m.if(m.i32.load8_u(flags, BYTE, number()), m.call(print, [number(), ...operands], b.none));
    });
    if (met !== own.length) {
      throw new MachineError(
        "DEBUG_LINE_UNKNOWN",
        `${unit.described(fn.name)} has ${own.length} lines with pr_debug() and calls it ${met} times`,
        "Write each call on one line with its format, in a function that is neither inlined nor generic.",
      );
    }
    if (met > 0) unit.setBody(fn, body);
  }
  m.removeFunction(imported);
}
