/**
 * Pass `stubs`: for each slot, the code that stands in front of a function while it is being patched or traced.
 *
 * Problem   old and new version must be chosen per call, and no compiler is at hand when a patch arrives.
 * Example   slow stub of slot 7:  `call_indirect(arguments, klp_target(7))`
 *           trace stub of slot 7: `if (state != rewinding) trace_enter(7); r = call_indirect(arguments, trace_next(7));
 *                                  if (state != unwinding) trace_exit(7); return r;`
 * Emitted   both, for every slot, with the slot's signature.
 * Invariant stubs are not Asyncify'd, so no saved stack shows them; a rewinding call passes through them again. A call
 *           that unwinds has not returned and one that rewinds was not made, hence the two conditions.
 */
import { runtimeFunction } from "../contract.ts";
import type { Expression } from "../binaryen.ts";
import type { DefinedFunction, Unit } from "../unit.ts";
import { REWINDING, STATE_GLOBAL, UNWINDING } from "./asyncify.ts";
import type { SlotPlan } from "./hooks.ts";

export interface Stubs {
  readonly slow: Map<number, string>;
  readonly trace: Map<number, string>;
}

export function addStubs(unit: Unit, plan: SlotPlan): Stubs {
  const stubs: Stubs = { slow: new Map(), trace: new Map() };
  if (plan.slots.size === 0) return stubs;
  const target = runtimeFunction(unit, "klp_target");
  const trace = {
    enter: runtimeFunction(unit, "trace_enter"),
    next: runtimeFunction(unit, "trace_next"),
    exit: runtimeFunction(unit, "trace_exit"),
  };
  const functions = new Map(unit.functions().map((fn) => [fn.name, fn]));
  for (const [name, slot] of plan.slots) {
    const fn = functions.get(name);
    if (!fn) continue;
    stubs.slow.set(slot, addSlowStub(unit, plan, fn, slot, target));
    stubs.trace.set(slot, addTraceStub(unit, plan, fn, slot, trace));
  }
  return stubs;
}

function addSlowStub(unit: Unit, plan: SlotPlan, fn: DefinedFunction, slot: number, target: string): string {
  const { b, m } = unit;
  const name = `slow:${fn.name}`;
  const next = m.call(target, [m.i32.const(slot)], b.i32);
  m.addFunction(name, fn.params, fn.results, [], forward(unit, plan, fn, next));
  return name;
}

function addTraceStub(
  unit: Unit,
  plan: SlotPlan,
  fn: DefinedFunction,
  slot: number,
  trace: { enter: string; next: string; exit: string },
): string {
  const { b, m } = unit;
  const name = `trace:${fn.name}`;
  const unless = (state: number, callee: string): Expression => {
    const tell = m.call(callee, [m.i32.const(slot)], b.none);
    // An image without Asyncify never unwinds and has no state to look at.
    if (m.getGlobal(STATE_GLOBAL) === 0) return tell;
    return m.if(m.i32.ne(m.global.get(STATE_GLOBAL, b.i32), m.i32.const(state)), tell);
  };
  const call = forward(unit, plan, fn, m.call(trace.next, [m.i32.const(slot)], b.i32));
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
function forward(unit: Unit, plan: SlotPlan, fn: DefinedFunction, next: Expression): Expression {
  const parameters = unit.b.expandType(fn.params).map((type, index) => unit.m.local.get(index, type));
  return unit.m.call_indirect(plan.table, next, parameters, fn.params, fn.results);
}
