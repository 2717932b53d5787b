/**
 * Pass `slow-stubs`: for each slot, the code that stands in front of a function while contexts move from version to version.
 *
 * Problem   old and new version must be chosen per call, and no compiler is at hand when a patch arrives.
 * Example   slot 7: `if (n == own) return_call own(arguments); else return_call_indirect(arguments, n)`,
 *           n = `klp_target(7)`, or, without the call, `i32.load(KLP_SLOTS + 7 * size + KLP_SLOT_CHOICE + side)`, but
 *           klp_target(7) while a stack is rewound.
 * Emitted   a function per slot, with its signature. Its own version is the original in a kernel, the patch's in a patch,
 *           and takes no second indirect call, or no second call when it is small and calls nobody (a copy, for which
 *           the source map has no lines); a module's has none.
 * Invariant stubs are not Asyncify'd and leave no frame, so no saved stack shows them; a rewinding call passes through
 *           them again. Comes behind all that changes the bodies of functions.
 */
import { MachineError } from "../../errors.ts";
import type { Expression } from "../binaryen.ts";
import { runtimeFunction } from "../contract.ts";
import { walk } from "../expressions.ts";
import { STUB_PREFIX } from "../patch-format.ts";
import type { DefinedFunction, Unit } from "../unit.ts";
import { REWINDING, STATE_GLOBAL } from "./asyncify.ts";
import type { SlotPlan } from "./hooks.ts";

const WORD = 4;
/** The kernel's per-CPU variable: a byte offset into a slot's pair. */
const SIDE = "klp_side";

/** Most expressions of a function that is copied into its stub. */
const SMALL = 32;
const CALLS = new Set(["Call", "CallIndirect", "CallRef"]);

/** Functions that own slots, and the table that they are in. */
export interface SlowPlan extends Pick<SlotPlan, "table" | "slots"> {
  /** The number of a slot that has another one when it is loaded. */
  readonly slotOf?: (name: string) => Expression;
  /** Table index of the stub's own version. */
  readonly versionOf?: (slot: number, name: string) => Expression;
  /** Without, stubs ask klp_target() at each call, which then can count and check. */
  readonly choice?: Choice | undefined;
}

/** Where a slow stub finds its slot's choice by itself. */
export interface Choice {
  /** Address of slot 0's pair of table indices, and bytes from one slot's to the next. */
  readonly address: number;
  readonly stride: number;
  /** The per-CPU global that holds the byte offset into the pair. */
  readonly side: string;
  /** Whether calls of a function may be rewound, in any of its versions. */
  readonly rewound: (name: string) => boolean;
}

/** The kernel's table of choices, if kernel/layout.ts gives it a place; `sideOf` gives klp_side's name in the unit. */
export function slotChoice(
  layout: ReadonlyMap<string, number>,
  rewound: (name: string) => boolean,
  sideOf: () => string,
): Choice | undefined {
  const [slots, offset, stride] = ["KLP_SLOTS", "KLP_SLOT_CHOICE", "KLP_SLOT_SIZE"].map((name) => layout.get(name));
  if (slots === undefined || offset === undefined || stride === undefined) return undefined;
  return { address: slots + offset, stride, side: sideOf(), rewound };
}

/** The kernel's klp_side, among these per-CPU variables. */
export function sideAmong(unit: Unit, percpu: readonly string[]): string {
  const side = percpu.find((name) => unit.shortName(name) === SIDE);
  if (side !== undefined) return side;
  throw new MachineError(
    "MISSING_RUNTIME_FUNCTION",
    `the kernel has no variable ${SIDE}, by which slow stubs choose`,
    "Declare it @percpu, and have the kernel read it; unused variables are not compiled.",
  );
}

/** Names of the stubs by slot. */
export function addSlowStubs(unit: Unit, plan: SlowPlan): Map<number, string> {
  const stubs = new Map<number, string>();
  if (plan.slots.size === 0) return stubs;
  const target = runtimeFunction(unit, "klp_target");
  for (const fn of unit.functions()) {
    const slot = plan.slots.get(fn.name);
    if (slot !== undefined) stubs.set(slot, addSlowStub(unit, fn, plan, next(unit, fn, slot, plan, target), slot));
  }
  return stubs;
}

/** Nothing is left to do behind the call: the stub leaves no frame of its own, on the engine's stack either. */
function addSlowStub(unit: Unit, fn: DefinedFunction, plan: SlowPlan, index: Expression, slot: number): string {
  const { b, m } = unit;
  const name = STUB_PREFIX + fn.name;
  const given = b.expandType(fn.params);
  const parameters = (): Expression[] => given.map((type, local) => m.local.get(local, type));
  const leave = (to: Expression): Expression =>
    m.return_call_indirect(plan.table, to, parameters(), fn.params, fn.results);
  const own = plan.versionOf?.(slot, fn.name);
  if (own === undefined) m.addFunction(name, fn.params, fn.results, [], leave(index));
  else {
    const local = given.length + fn.vars.length;
    const others = m.if(m.i32.ne(m.local.tee(local, index, b.i32), own), leave(m.local.get(local, b.i32)));
    const copied = plan.choice && !plan.choice.rewound(fn.name) && isSmallLeaf(unit, fn);
    const version = copied ? m.copyExpression(fn.body) : m.return_call(fn.name, parameters(), fn.results);
    m.addFunction(name, fn.params, fn.results, [...fn.vars, b.i32], m.block(null, [others, version], fn.results));
  }
  return name;
}

/** Whose copy nobody sees: the stack of a callee names its caller. */
function isSmallLeaf(unit: Unit, fn: DefinedFunction): boolean {
  let expressions = 0;
  let calls = false;
  walk(unit.b, fn.body, (_expression, kind) => {
    expressions++;
    calls ||= CALLS.has(kind);
  });
  return !calls && expressions <= SMALL;
}

/** Table index of the version that the running context calls, or whose frame is rewound. */
function next(unit: Unit, fn: DefinedFunction, slot: number, plan: SlowPlan, target: string): Expression {
  const { b, m } = unit;
  const { choice, slotOf } = plan;
  const ask = m.call(target, [slotOf?.(fn.name) ?? m.i32.const(slot)], b.i32);
  if (!choice) return ask;
  const index = m.i32.load(choice.address + slot * choice.stride, WORD, m.global.get(choice.side, b.i32));
  if (m.getGlobal(STATE_GLOBAL) === 0 || !choice.rewound(fn.name)) return index;
  return m.if(m.i32.eq(m.global.get(STATE_GLOBAL, b.i32), m.i32.const(REWINDING)), ask, index);
}
