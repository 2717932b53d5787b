/**
 * Pass `hooks`: patchable functions are called through the table.
 *
 * Problem   a direct call cannot be redirected while it runs.
 * Example   `schedule()` becomes `call_indirect (slot of schedule)`, as stored callbacks already are.
 * Emitted   a table of four regions of STRIDE entries:
 *             [0, S)   slots: what is called now         [S, 2S)   original versions, never changed
 *             [2S, 3S) slow stubs: old or new by task    [3S, 4S)  trace stubs
 *           and behind them whatever loaded modules append.
 * Invariant a function keeps the index that the compiler gave its pointer, so pointers and calls meet in one slot.
 *           Slot 0 is never used: a null function pointer traps. The table is exported, or the optimiser undoes this.
 */
import { rewrite, view } from "../expressions.ts";
import type { Expression, FunctionInfo } from "../binaryen.ts";
import type { CallLocations } from "../locations.ts";
import type { Unit } from "../unit.ts";

export const TABLE_EXPORT = "table";
const UNBOUNDED = 0xffffffff;
/** Slots at the end of each region that functions of loaded modules get. */
const SPARE_SLOTS = 256;

export interface SlotPlan {
  readonly table: string;
  /** Patchable functions by name; empty in an image without hooks. */
  readonly slots: ReadonlyMap<string, number>;
  /** Other functions that the compiler put into the table. */
  readonly fixed: ReadonlyMap<number, string>;
  /** Entries per region. */
  readonly stride: number;
  /** The first slot that no function of the image has. */
  readonly spare: number;
}

/** Gives each patchable function its slot, keeping the indices of function pointers. */
export function planSlots(unit: Unit, hooks: boolean): SlotPlan {
  const { b, m } = unit;
  const fixed = new Map<number, string>();
  const slots = new Map<string, number>();
  for (let i = 0; i < m.getNumElementSegments(); i++) {
    const segment = b.getElementSegmentInfo(m.getElementSegmentByIndex(i));
    const first = unit.constant(segment.offset) ?? 0;
    segment.data.forEach((name, index) => {
      if (hooks && unit.isPatchable(name) && !slots.has(name)) slots.set(name, first + index);
      else fixed.set(first + index, name);
    });
  }
  let next = Math.max(0, ...fixed.keys(), ...slots.values()) + 1;
  for (const fn of hooks ? unit.functions() : []) {
    if (unit.isPatchable(fn.name) && !slots.has(fn.name)) slots.set(fn.name, next++);
  }
  return { table: ownTable(unit), slots, fixed, stride: Math.ceil((next + 1 + SPARE_SLOTS) / 64) * 64, spare: next };
}

/** The compiler's table, or a new one when the source takes no function's address. */
function ownTable(unit: Unit): string {
  const { b, m } = unit;
  if (m.getNumTables() === 0) {
    m.addTable("0", 1, UNBOUNDED);
    m.addTableExport("0", TABLE_EXPORT);
  }
  return new b.Table(m.getTableByIndex(0)).name;
}

/** Turns direct calls of patchable functions into calls through their slots; `slotOf` makes the table index. */
export function hookCalls(
  unit: Unit,
  plan: Pick<SlotPlan, "table" | "slots">,
  locations?: CallLocations,
  slotOf: (slot: number, name: string) => Expression = (slot) => unit.m.i32.const(slot),
): void {
  const { b, m } = unit;
  const callees = new Map<string, FunctionInfo>(unit.functions().map((fn) => [fn.name, fn]));
  for (const fn of unit.functions()) {
    const body = rewrite(b, fn.body, (expression, kind) => {
      if (kind !== "Call") return expression;
      const call = view(b, expression);
      const slot = plan.slots.get(call["target"] as string);
      const callee = callees.get(call["target"] as string);
      if (slot === undefined || !callee) return expression;
      const operands = Array.from({ length: call.numOperands ?? 0 }, (_, index) => call.getOperandAt(index));
      const target = slotOf(slot, callee.name);
      const hooked = m.call_indirect(plan.table, target, operands, callee.params, callee.results);
      locations?.carry(m, fn.ref, expression, hooked);
      return hooked;
    });
    unit.setBody(fn, body);
  }
}

/** Fills the table: `stubs` are the names of slow and trace stubs by slot. */
export function fillTable(
  unit: Unit,
  plan: SlotPlan,
  stubs: { readonly slow: ReadonlyMap<number, string>; readonly trace: ReadonlyMap<number, string> },
): void {
  const { b, m } = unit;
  for (let i = m.getNumElementSegments() - 1; i >= 0; i--) {
    m.removeElementSegment(b.getElementSegmentInfo(m.getElementSegmentByIndex(i)).name);
  }
  const table = new b.Table(m.getTableByIndex(0));
  table.initial = plan.stride * 4;
  table.setMax(UNBOUNDED);
  const originals = new Map([...plan.slots].map(([name, slot]) => [slot, name]));
  const regions: [name: string, entries: ReadonlyMap<number, string>][] = [
    ["slots", new Map([...plan.fixed, ...originals])],
    ["originals", originals],
    ["slow", stubs.slow],
    ["trace", stubs.trace],
  ];
  regions.forEach(([name, entries], region) => {
    let run: string[] = [];
    for (let slot = 0; slot <= plan.stride; slot++) {
      const entry = entries.get(slot);
      if (entry !== undefined) run.push(entry);
      else if (run.length > 0) {
        const start = region * plan.stride + slot - run.length;
        m.addActiveElementSegment(plan.table, `${name}.${start}`, run, m.i32.const(start));
        run = [];
      }
    }
  });
}
