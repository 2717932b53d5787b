/**
 * Pass `patch-links`: what a patch has of its own, and what it takes from the kernel it is loaded into.
 *
 * Problem   the whole patched kernel was compiled; a patch is the few functions of it that changed.
 * Example   patched `pipe_read` calls `schedule` (the kernel's, through its slot), `is_empty` (a copy, since it owns no
 *           slot), `loop_safepoint` (the kernel's, by import) and `this_cpu` (the kernel's variable).
 * Emitted   slots as imported numbers, `call_indirect (global.get $slot:kernel/sched/core/schedule)`; memory, table and
 *           per-CPU variables as imports; exports for replaced and added functions and nothing else.
 * Invariant instantiating the module writes nothing; every index, id and address in it comes from who loads it.
 */
import { withPasses } from "../binaryen.ts";
import type { Expression } from "../binaryen.ts";
import type { RUNTIME_FUNCTIONS } from "../contract.ts";
import { view, walk } from "../expressions.ts";
import { SLOT_PREFIX } from "../patch-format.ts";
import type { DefinedFunction, Unit } from "../unit.ts";
import { MEMORY_OF_BYTES, takeDataSegments } from "./data-segments.ts";
import { hookCalls } from "./hooks.ts";

/** Runtime functions that inserted code calls directly; the kernel exports them under these names. */
const TAKEN_FROM_KERNEL: readonly (keyof typeof RUNTIME_FUNCTIONS)[] = [
  "loop_safepoint",
  "step_point",
  "stack_end_hit",
  "klp_trace_call",
  "klp_target",
  "trace_enter",
  "trace_next",
  "trace_exit",
];

/** Calls of functions that own a slot go through slots that are imported; gives the table's name. */
export function importSlots(unit: Unit, slots: ReadonlyMap<string, number>): string {
  const { b, m } = unit;
  const table = importTable(unit);
  hookCalls(unit, { table, slots }, undefined, (_slot, name) => slotOf(unit, name));
  for (const name of slots.keys()) m.addGlobalImport(SLOT_PREFIX + name, "env", SLOT_PREFIX + name, b.i32, false);
  return table;
}

/** The slot of a function, as the loader will have it. */
export function slotOf({ b, m }: Unit, name: string): Expression {
  return m.global.get(SLOT_PREFIX + name, b.i32);
}

/** The compiler's table becomes the kernel's, and nothing is put into it. */
function importTable(unit: Unit): string {
  const { b, m } = unit;
  emptyTable(unit);
  if (m.getNumTables() === 0) m.addTable("0", 0, UNBOUNDED);
  const table = new b.Table(m.getTableByIndex(0));
  table.initial = 0;
  table.setMax(UNBOUNDED);
  m.addTableImport(table.name, "env", "table");
  return table.name;
}

const UNBOUNDED = 0xffffffff;

/** Runtime functions are the kernel's own. */
export function importRuntime(unit: Unit): void {
  for (const fn of unit.functions()) {
    const name = TAKEN_FROM_KERNEL.find((one) => one === unit.shortName(fn.name));
    if (name === undefined) continue;
    unit.m.removeFunction(fn.name);
    unit.m.addFunctionImport(fn.name, "env", name, fn.params, fn.results);
  }
}

/** `roots` and what they call directly, functions without a slot all the way down. */
export function reachable(unit: Unit, roots: Iterable<string>): DefinedFunction[] {
  const defined = new Map(unit.functions().map((fn) => [fn.name, fn]));
  const found = new Set([...roots].filter((name) => defined.has(name)));
  for (const name of found) {
    walk(unit.b, defined.get(name)?.body ?? 0, (expression, kind) => {
      const target = kind === "Call" ? (view(unit.b, expression)["target"] as string) : "";
      if (defined.has(target)) found.add(target);
    });
  }
  return [...found].flatMap((name) => defined.get(name) ?? []);
}

/** Takes away all that `exported` does not need. */
export function keepOnly(unit: Unit, exported: readonly string[]): void {
  takeDataSegments(unit, MEMORY_OF_BYTES);
  keepFunctions(unit, exported);
}

/** Exports these functions and nothing else; what they do not need goes. */
export function keepFunctions(unit: Unit, names: readonly string[]): void {
  const { b, m } = unit;
  emptyTable(unit);
  for (let i = m.getNumExports() - 1; i >= 0; i--) m.removeExport(b.getExportInfo(m.getExportByIndex(i)).name);
  for (const name of names) m.addFunctionExport(name, name);
  withPasses(b, { optimizeLevel: 0 }, () => m.runPasses(["remove-unused-module-elements"]));
}

function emptyTable({ b, m }: Unit): void {
  for (let i = m.getNumElementSegments() - 1; i >= 0; i--) {
    m.removeElementSegment(b.getElementSegmentInfo(m.getElementSegmentByIndex(i)).name);
  }
}
