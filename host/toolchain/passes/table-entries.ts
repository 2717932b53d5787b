/**
 * Pass `table-entries`: the kernel changes its own table.
 *
 * Problem   the source language can call through the table, not write to it; asking the host costs a way out of Wasm.
 * Example   `copy_entry(slot, index)`, an import of the source.
 * Emitted   `(table.set (local.get 0) (table.get (local.get 1)))` in its place.
 * Invariant an index beyond the table traps; nothing else in the module writes to it.
 */
import type { Unit } from "../unit.ts";

const IMPORT = "copy_entry";

/** Gives `copy_entry` a body, where the source has it. */
export function defineCopyEntry(unit: Unit, table: string): void {
  const { b, m } = unit;
  for (const fn of unit.imports()) {
    if (fn.module !== "env" || fn.base !== IMPORT) continue;
    m.removeFunction(fn.name);
    const from = m.table.get(table, m.local.get(1, b.i32), b.funcref);
    m.addFunction(fn.name, fn.params, fn.results, [], m.table.set(table, m.local.get(0, b.i32), from));
  }
}
