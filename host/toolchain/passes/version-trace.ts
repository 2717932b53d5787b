/**
 * Pass `version-trace` (debug and stepped images, and patches for them): a watched function says that it is called, and that it returns.
 *
 * Problem   whether every task met one universe per trip cannot be seen from outside: versions look alike.
 * Example   `pipe_read` of a patch, called by a task that called the kernel's `vfs_read` in the same system call.
 * Emitted   at the beginning of each patchable function, for a frame that is entered and not rewound:
 *           `if (state == normal && u8[KLP_WATCH + slot]) klp_trace_call(id, slot);`
 *           and where it ends, unless it unwinds, the same with `~id`: so a frame that one version began and another
 *           one ended is seen. `return` becomes a branch to that end.
 *           In a patch the id is `frame_base + k`; a function that only the patch has is recorded with slot 0, and
 *           watched by the byte of slot 0.
 * Invariant the call unwinds nothing and owns no slot, and an unwatched function does not make it.
 */
import { MachineError } from "../../errors.ts";
import type { Expression } from "../binaryen.ts";
import { rewrite, view } from "../expressions.ts";
import type { DefinedFunction, Unit } from "../unit.ts";
import { STATE_GLOBAL } from "./asyncify.ts";

export interface TracedFunction {
  /** Frame id of the version; relative to `base` when there is one. */
  readonly id: number;
  readonly slot: number;
}

export interface TraceTarget {
  /** The module's name of klp_trace_call. */
  readonly record: string;
  /** Numbers of kernel/layout.ts; KLP_WATCH is the byte that says whether slot 0 is watched. */
  readonly layout: ReadonlyMap<string, number>;
  /** An immutable global to which ids are relative: the patch's frame base. */
  readonly base?: string;
}

const NORMAL = 0;
/** Label of the block around a traced function's own body. */
const END = "traced";

/** Makes each function of `traced`, by name, report its calls. */
export function traceVersions(unit: Unit, traced: ReadonlyMap<string, TracedFunction>, target: TraceTarget): void {
  const { m } = unit;
  const watch = target.layout.get("KLP_WATCH");
  if (watch === undefined) {
    throw new MachineError(
      "BAD_LAYOUT_FILE",
      "kernel/layout.ts has no KLP_WATCH, the bytes by which functions are watched",
      "Give it one byte per slot; images for debugging look there.",
    );
  }
  for (const fn of unit.functions()) {
    const version = traced.get(fn.name);
    if (!version) continue;
    const begin = report(unit, version, watch, target, false);
    const end = report(unit, version, watch, target, true);
    const body = m.block(END, [returnsToEnd(unit, fn.body)], fn.results);
    unit.setBody(fn, bracket(unit, fn, begin, body, end));
  }
}

/** `begin; result = body; end; result`. */
function bracket(unit: Unit, fn: DefinedFunction, begin: Expression, body: Expression, end: Expression): Expression {
  const { b, m } = unit;
  if (fn.results === b.none) return m.block(null, [begin, body, end], b.none);
  const result = unit.addLocal(fn, fn.results);
  const kept = [m.local.set(result, body), end, m.local.get(result, fn.results)];
  return m.block(null, [begin, ...kept], fn.results);
}

function returnsToEnd(unit: Unit, body: Expression): Expression {
  const { b, m } = unit;
  return rewrite(b, body, (expression, kind) => {
    if (kind !== "Return") return expression;
    const { value } = view(b, expression) as { value?: Expression };
    return value ? m.br(END, undefined, value) : m.br(END);
  });
}

function report(
  unit: Unit,
  { id, slot }: TracedFunction,
  watch: number,
  { record, base }: TraceTarget,
  ends: boolean,
): Expression {
  const { b, m } = unit;
  const own = base === undefined ? m.i32.const(id) : m.i32.add(m.global.get(base, b.i32), m.i32.const(id));
  const version = ends ? m.i32.xor(own, m.i32.const(-1)) : own;
  const call = m.if(
    m.i32.load8_u(0, 1, m.i32.const(watch + slot)),
    m.call(record, [version, m.i32.const(slot)], b.none),
  );
  // An image without Asyncify never rewinds and has no state to look at.
  if (m.getGlobal(STATE_GLOBAL) === 0) return call;
  return m.if(m.i32.eq(m.global.get(STATE_GLOBAL, b.i32), m.i32.const(NORMAL)), call);
}
