/**
 * Pass `trace-stubs`: for each slot, the code that stands in front of a function while it is traced.
 *
 * Problem   who calls and who returns must be told, and no compiler is at hand when somebody wants to know.
 * Example   slot 7: `if (state != rewinding) trace_enter(7); r = call_indirect(arguments, trace_next(7));
 *                    if (state != unwinding) trace_exit(7); return r;`
 * Emitted   a function per slot, with its signature.
 * Invariant stubs are not Asyncify'd, so no saved stack shows them; a rewinding call passes through them again. A call
 *           that unwinds has not returned and one that rewinds was not made, hence the two conditions.
 */
import type { Expression } from "../binaryen.ts";
import { runtimeFunction } from "../contract.ts";
import type { DefinedFunction, Unit } from "../unit.ts";
import { REWINDING, STATE_GLOBAL, UNWINDING } from "./asyncify.ts";
import type { SlotPlan } from "./hooks.ts";

/** Functions that own slots, and the table that they are in. */
type Slots = Pick<SlotPlan, "table" | "slots">;

/** Names of the stubs by slot; `slotOf` gives the number of a slot that has another one when it is loaded. */
export function addTraceStubs(unit: Unit, plan: Slots, slotOf?: (name: string) => Expression): Map<number, string> {
  const stubs = new Map<number, string>();
  if (plan.slots.size === 0) return stubs;
  const trace = {
    enter: runtimeFunction(unit, "trace_enter"),
    next: runtimeFunction(unit, "trace_next"),
    exit: runtimeFunction(unit, "trace_exit"),
  };
  for (const fn of unit.functions()) {
    const slot = plan.slots.get(fn.name);
    const number = (): Expression => slotOf?.(fn.name) ?? unit.m.i32.const(slot ?? 0);
    if (slot !== undefined) stubs.set(slot, addTraceStub(unit, plan, fn, number, trace));
  }
  return stubs;
}

function addTraceStub(
  unit: Unit,
  plan: Slots,
  fn: DefinedFunction,
  slot: () => Expression,
  trace: { enter: string; next: string; exit: string },
): string {
  const { b, m } = unit;
  const name = `trace:${fn.name}`;
  const unless = (state: number, callee: string): Expression => {
    const tell = m.call(callee, [slot()], b.none);
    // An image without Asyncify never unwinds and has no state to look at.
    if (m.getGlobal(STATE_GLOBAL) === 0) return tell;
    return m.if(m.i32.ne(m.global.get(STATE_GLOBAL, b.i32), m.i32.const(state)), tell);
  };
  const call = forward(unit, plan, fn, m.call(trace.next, [slot()], b.i32));
  const result = b.expandType(fn.params).length;
  const returns = fn.results !== b.none;
  const body = [
    unless(REWINDING, trace.enter),
    returns ? m.local.set(result, call) : call,
    unless(UNWINDING, trace.exit),
    ...(returns ? [m.local.get(result, fn.results)] : []),
  ];
  m.addFunction(name, fn.params, fn.results, returns ? [fn.results] : [], m.block(null, body, fn.results));
  return name;
}

/** Calls table entry `next` with the arguments that the stub was given. */
function forward(unit: Unit, plan: Slots, fn: DefinedFunction, next: Expression): Expression {
  return unit.m.call_indirect(plan.table, next, parametersOf(unit, fn), fn.params, fn.results);
}

function parametersOf(unit: Unit, fn: DefinedFunction): Expression[] {
  return unit.b.expandType(fn.params).map((type, index) => unit.m.local.get(index, type));
}
