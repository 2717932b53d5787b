/**
 * Pass `percpu`: variables that each CPU has for itself are exported, so that patches share them.
 *
 * Problem   a patch is an instance of its own on each CPU; its `this_cpu` must be the kernel's.
 * Example   `global.get $kernel/cpu/percpu/this_cpu` in a patched function.
 * Emitted   kernel: export `percpu:<path>` for each mutable global but Asyncify's, which have exports of their own.
 *           patch: the global becomes the import `env.percpu:<path>`.
 * Invariant one CPU has one copy of each such variable, however many modules run there.
 */
import type { Unit } from "../unit.ts";
import { DATA_GLOBAL, STATE_GLOBAL } from "./asyncify.ts";

const PREFIX = "percpu:";
/** Not variables of the kernel's: Asyncify's, and the compiler's note that code at top level has run. */
const OTHERS = new Set([STATE_GLOBAL, DATA_GLOBAL, "~started"]);

/** Exports all of the module's mutable globals; returns their names. */
export function exportPerCpu(unit: Unit): string[] {
  const names = mutableGlobals(unit);
  for (const name of names) unit.m.addGlobalExport(name, PREFIX + name);
  return names;
}

/** Takes the variables of `known` from the kernel instead of having them. */
export function importPerCpu(unit: Unit, known: readonly string[]): void {
  const { b, m } = unit;
  for (const name of mutableGlobals(unit)) {
    if (!known.includes(name)) continue;
    const { type } = b.getGlobalInfo(m.getGlobal(name));
    m.removeGlobal(name);
    m.addGlobalImport(name, "env", PREFIX + name, type, true);
  }
}

/** The kernel's variable `name`, for code that the toolchain adds behind importPerCpu(); it gives its name. */
export function sharePerCpu({ b, m }: Unit, name: string): string {
  if (m.getGlobal(name) === 0) m.addGlobalImport(name, "env", PREFIX + name, b.i32, true);
  return name;
}

function mutableGlobals(unit: Unit): string[] {
  const { b, m } = unit;
  const globals = Array.from({ length: m.getNumGlobals() }, (_, i) => b.getGlobalInfo(m.getGlobalByIndex(i)));
  return globals
    .filter(({ name, mutable, module }) => mutable && module === "" && !OTHERS.has(name))
    .map(({ name }) => name);
}
