/**
 * Pass `stubs`: for each slot, the code that stands in front of a function while it is being patched or traced.
 *
 * Problem   old and new version must be chosen per call, and no compiler is at hand when a patch arrives.
 * Example   slow stub of slot 7:  `return_call_indirect(arguments, klp_target(7))`, or, without the call,
 *           `… i32.load(KLP_SLOTS + 7 * size + KLP_SLOT_CHOICE + side)`, but klp_target(7) while a stack is rewound
 *           trace stub of slot 7: `if (state != rewinding) trace_enter(7); r = call_indirect(arguments, trace_next(7));
 *                                  if (state != unwinding) trace_exit(7); return r;`
 * Emitted   both, for every slot, with the slot's signature.
 * Invariant stubs are not Asyncify'd, so no saved stack shows them; a rewinding call passes through them again. A call
 *           that unwinds has not returned and one that rewinds was not made, hence the two conditions.
 */
import { MachineError } from "../../errors.ts";
import { runtimeFunction } from "../contract.ts";
import type { Expression } from "../binaryen.ts";
import type { DefinedFunction, Unit } from "../unit.ts";
import { REWINDING, STATE_GLOBAL, UNWINDING } from "./asyncify.ts";
import type { SlotPlan } from "./hooks.ts";

const WORD = 4;
/** The kernel's per-CPU variable: a byte offset into a slot's pair. */
const SIDE = "klp_side";

export interface Stubs {
  readonly slow: Map<number, string>;
  readonly trace: Map<number, string>;
}

/** Functions that own slots, and the table that they are in. */
type Slots = Pick<SlotPlan, "table" | "slots">;

/** Where a slow stub finds its slot's choice by itself. */
export interface Choice {
  /** Address of slot 0's pair of table indices, and bytes from one slot's to the next. */
  readonly address: number;
  readonly stride: number;
  /** The per-CPU global that holds the byte offset into the pair. */
  readonly side: string;
}

/** The kernel's table of choices, if kernel/layout.ts gives it a place. */
export function slotChoice(unit: Unit, layout: ReadonlyMap<string, number>): Choice | undefined {
  const [slots, offset, stride] = ["KLP_SLOTS", "KLP_SLOT_CHOICE", "KLP_SLOT_SIZE"].map((name) => layout.get(name));
  if (slots === undefined || offset === undefined || stride === undefined) return undefined;
  for (let i = 0; i < unit.m.getNumGlobals(); i++) {
    const { name } = unit.b.getGlobalInfo(unit.m.getGlobalByIndex(i));
    if (unit.shortName(name) === SIDE) return { address: slots + offset, stride, side: name };
  }
  throw new MachineError(
    "MISSING_RUNTIME_FUNCTION",
    `the kernel has no variable ${SIDE}, by which slow stubs choose`,
    "Declare it @percpu, and have the kernel read it; unused variables are not compiled.",
  );
}

/** Without a `choice` slow stubs ask klp_target() at each call, which then can count and check. */
export function addStubs(
  unit: Unit,
  plan: Slots,
  choice?: Choice,
  slotOf: (slot: number, name: string) => Expression = (slot) => unit.m.i32.const(slot),
): Stubs {
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
    const number = (): Expression => slotOf(slot, name);
    const ask = unit.m.call(target, [number()], unit.b.i32);
    stubs.slow.set(slot, addSlowStub(unit, plan, fn, choice ? chosen(unit, slot, choice, ask) : ask));
    stubs.trace.set(slot, addTraceStub(unit, plan, fn, number, trace));
  }
  return stubs;
}

function addSlowStub(unit: Unit, plan: Slots, fn: DefinedFunction, next: Expression): string {
  const { m } = unit;
  const name = `slow:${fn.name}`;
  // Nothing is left to do behind the call: the stub leaves no frame of its own, on the engine's stack either.
  const call = m.return_call_indirect(plan.table, next, parametersOf(unit, fn), fn.params, fn.results);
  m.addFunction(name, fn.params, fn.results, [], call);
  return name;
}

/** The slot's choice by the side of the running context; `rewound` while a stack is rewound. */
function chosen(unit: Unit, slot: number, { address, stride, side }: Choice, rewound: Expression): Expression {
  const { b, m } = unit;
  const index = m.i32.load(address + slot * stride, WORD, m.global.get(side, b.i32));
  if (m.getGlobal(STATE_GLOBAL) === 0) return index;
  return m.if(m.i32.eq(m.global.get(STATE_GLOBAL, b.i32), m.i32.const(REWINDING)), rewound, index);
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
