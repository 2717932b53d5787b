/**
 * Pass `user-window`: every address of a user program is an offset into its window.
 *
 * Problem   all processes and the kernel share one memory, so a stray pointer would reach any of them.
 * Example   `(i32.store offset=4 (local.get $p) …)`
 * Emitted   `window_base + ((address + 4) & mask)`: the address is folded into the window, at no measurable cost, where
 *           a bounds check costs a third. `memory.copy` and `memory.fill` are checked and trap instead, because a range
 *           cannot be folded. The memory neither grows nor has another size than the window.
 * Invariant no access starts outside the window; the widest one may end up to 7 bytes behind it, which the kernel
 *           leaves unused.
 */
import { children, rewrite, view } from "../expressions.ts";
import type { Expression } from "../binaryen.ts";
import type { DefinedFunction, Unit } from "../unit.ts";

export const WINDOW_BASE = "window_base";
const WASM_PAGE = 65536;
const ACCESSES = new Set(["Load", "Store", "AtomicRMW", "AtomicCmpxchg", "AtomicNotify"]);

/** Confines all of the module's memory accesses to a window of `bytes`, a power of two. */
export function confineToWindow(unit: Unit, bytes: number): void {
  const { b, m } = unit;
  m.addGlobalImport(WINDOW_BASE, "env", WINDOW_BASE, b.i32, true);
  for (const fn of unit.functions()) {
    const body = rewrite(b, fn.body, (expression, kind) => {
      if (ACCESSES.has(kind)) return foldAddress(unit, expression, bytes);
      if (kind === "MemoryCopy") return checkRange(unit, fn, expression, bytes, ["dest", "source"]);
      if (kind === "MemoryFill") return checkRange(unit, fn, expression, bytes, ["dest"]);
      if (kind === "MemorySize") return m.i32.const(Math.floor(bytes / WASM_PAGE));
      if (kind === "MemoryGrow") return refuseGrowth(unit, expression);
      return expression;
    });
    unit.setBody(fn, body);
  }
}

function foldAddress(unit: Unit, expression: Expression, bytes: number): Expression {
  const { b, m } = unit;
  const node = view(b, expression);
  const offset = node["offset"] as number;
  const address = node["ptr"] as Expression;
  const whole = offset === 0 ? address : m.i32.add(address, m.i32.const(offset));
  node["ptr"] = m.i32.add(m.global.get(WINDOW_BASE, b.i32), m.i32.and(whole, m.i32.const(bytes - 1)));
  node["offset"] = 0;
  return expression;
}

/** `if (size > window || from > window - size) trap`, for each end of the range, then the instruction itself. */
function checkRange(
  unit: Unit,
  fn: DefinedFunction,
  expression: Expression,
  bytes: number,
  ends: readonly string[],
): Expression {
  const { b, m } = unit;
  const node = view(b, expression);
  const before = children(b, expression).map(({ value, replace }) => {
    const local = unit.addLocal(fn, b.i32);
    replace(m.local.get(local, b.i32));
    return { local, set: m.local.set(local, value) };
  });
  const size = before.at(-1)?.local ?? 0;
  const get = (local: number): Expression => m.local.get(local, b.i32);
  const room = m.i32.sub(m.i32.const(bytes), get(size));
  const outside = ends.map((end) => {
    const local = view(b, node[end] as Expression)["index"] as number;
    node[end] = m.i32.add(m.global.get(WINDOW_BASE, b.i32), get(local));
    return m.i32.gt_u(get(local), m.copyExpression(room));
  });
  const wrong = outside.reduce((left, right) => m.i32.or(left, right), m.i32.gt_u(get(size), m.i32.const(bytes)));
  return m.block(null, [...before.map(({ set }) => set), m.if(wrong, m.unreachable()), expression], b.none);
}

function refuseGrowth(unit: Unit, expression: Expression): Expression {
  const { b, m } = unit;
  return m.block(null, [m.drop(view(b, expression)["delta"] as Expression), m.i32.const(-1)], b.i32);
}
