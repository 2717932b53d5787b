/**
 * Pass `version-trace` (debug and stepped images, and patches for them): a watched function says that it is called.
 *
 * Problem   whether every task met one universe per trip cannot be seen from outside: versions look alike.
 * Example   `pipe_read` of a patch, called by a task that called the kernel's `vfs_read` in the same system call.
 * Emitted   at the beginning of each patchable function, for a frame that is entered and not rewound:
 *           `if (state == normal && u8[KLP_WATCH + slot]) klp_trace_call(id, slot);`
 *           In a patch the id is `frame_base + k`; a function that only the patch has is recorded with slot 0, and
 *           watched by the byte of slot 0.
 * Invariant the call unwinds nothing and owns no slot, and an unwatched function does not make it.
 */
import { MachineError } from "../../errors.ts";
import type { Expression } from "../binaryen.ts";
import type { Unit } from "../unit.ts";
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
    if (version) unit.setBody(fn, m.block(null, [report(unit, version, watch, target), fn.body], fn.results));
  }
}

function report(unit: Unit, { id, slot }: TracedFunction, watch: number, { record, base }: TraceTarget): Expression {
  const { b, m } = unit;
  const version = base === undefined ? m.i32.const(id) : m.i32.add(m.global.get(base, b.i32), m.i32.const(id));
  const call = m.if(
    m.i32.load8_u(0, 1, m.i32.const(watch + slot)),
    m.call(record, [version, m.i32.const(slot)], b.none),
  );
  // An image without Asyncify never rewinds and has no state to look at.
  if (m.getGlobal(STATE_GLOBAL) === 0) return call;
  return m.if(m.i32.eq(m.global.get(STATE_GLOBAL, b.i32), m.i32.const(NORMAL)), call);
}
