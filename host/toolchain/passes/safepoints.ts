/**
 * Pass `safepoints`: a long loop gives way.
 *
 * Problem   a CPU that loops in a system call answers neither a stop nor the scheduler.
 * Example   `while (n--) sum += load<u8>(p++);`
 * Emitted   at the head of each loop body: `if ((++count & 255) == 0) loop_safepoint();` with one counter local per
 *           function, because a check at each turn doubles the cost of a byte loop.
 * Invariant only loops of sleepable functions, since a safepoint unwinds; so it runs before Asyncify. Functions that
 *           own no slot get none: they are the code that safepoints are made of.
 */
import { runtimeFunction } from "../contract.ts";
import type { Expression } from "../binaryen.ts";
import { rewrite, view, walk } from "../expressions.ts";
import type { DefinedFunction, Unit } from "../unit.ts";

/** Turns between two safepoints of a loop. A power of two. */
export const KERNEL_LOOP_PERIOD = 256;

/** `sleepable` functions but those `without`: nobody wants their bodies. */
export function insertSafepoints(unit: Unit, sleepable: ReadonlySet<string>, without: ReadonlySet<string>): void {
  for (const fn of unit.functions()) {
    if (!sleepable.has(fn.name) || without.has(fn.name) || unit.has(fn.name, "notrace") || unit.isBare(fn.name))
      continue;
    insertLoopChecks(unit, fn, () => runtimeFunction(unit, "loop_safepoint"), KERNEL_LOOP_PERIOD);
  }
}

/** Calls `safepoint` from each loop of `fn`, once in `period` turns. */
export function insertLoopChecks(unit: Unit, fn: DefinedFunction, safepoint: () => string, period: number): void {
  const { b, m } = unit;
  if (!hasLoop(unit, fn.body)) return;
  const target = safepoint();
  const count = unit.addLocal(fn, b.i32);
  const body = rewrite(b, fn.body, (expression, kind) => {
    if (kind !== "Loop") return expression;
    const loop = view(b, expression);
    const counted = m.local.tee(count, m.i32.add(m.local.get(count, b.i32), m.i32.const(1)), b.i32);
    const check = m.if(m.i32.eqz(m.i32.and(counted, m.i32.const(period - 1))), m.call(target, [], b.none));
    loop["body"] = m.block(null, [check, loop["body"] as Expression], b.getExpressionType(loop["body"] as Expression));
    return expression;
  });
  unit.setBody(fn, body);
}

function hasLoop(unit: Unit, body: Expression): boolean {
  let found = false;
  walk(unit.b, body, (_expression, kind) => (found ||= kind === "Loop"));
  return found;
}
