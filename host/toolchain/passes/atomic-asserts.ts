/**
 * Pass `atomic-asserts` (debug images): a sleeper that got into atomic hands traps at once.
 *
 * Problem   the analysis follows pointers that stand in the source; one that was computed could still point to a
 *           sleeper. Its unwinding would go through frames that cannot be restored, and fail much later, elsewhere.
 * Example   a timer whose function was read from a file.
 * Emitted   after each indirect call of a function that may not sleep: `if (state == unwinding) unreachable`.
 * Invariant runs after Asyncify, whose own assertions forbid what `context_switch` and `@bare` functions do for a living.
 */
import { rewrite } from "../expressions.ts";
import type { Unit } from "../unit.ts";
import { STATE_GLOBAL, UNWINDING } from "./asyncify.ts";

export function assertAtomicCalls(unit: Unit, mayUnwind: ReadonlySet<string>): void {
  const { b, m } = unit;
  for (const fn of unit.functions()) {
    if (mayUnwind.has(fn.name) || unit.isBare(fn.name)) continue;
    const body = rewrite(b, fn.body, (expression, kind) => {
      if (kind !== "CallIndirect") return expression;
      const unwinding = m.i32.eq(m.global.get(STATE_GLOBAL, b.i32), m.i32.const(UNWINDING));
      const check = m.if(unwinding, m.unreachable());
      const type = b.getExpressionType(expression);
      if (type === b.none || type === b.unreachable) return m.block(null, [expression, check], type);
      const result = unit.addLocal(fn, type);
      return m.block(null, [m.local.set(result, expression), check, m.local.get(result, type)], type);
    });
    unit.setBody(fn, body);
  }
}
