/**
 * The function table of an image, one row per function that the source defines.
 *
 * Idea: names are sorted, so ids and positions among equal names do not depend on the compiler's order of work.
 * Contract: `planSymbols` before the passes (ids, hashes), `completeSymbols` after them (slots, frames).
 * Invariant: generated functions (stubs, Asyncify's own) have no row.
 */
import type { BodyNormaliser } from "./body-hash.ts";
import type { FunctionRow } from "./image.ts";
import type { Unit } from "./unit.ts";

export type PlannedRow = Omit<FunctionRow, "slot" | "class" | "frameSize">;

export function planSymbols(unit: Unit, bodies: BodyNormaliser): PlannedRow[] {
  const positions = new Map<string, number>();
  const records = new Map(unit.declarations.pointers.map(({ name, address }) => [name, address]));
  return unit
    .functions()
    .toSorted((left, right) => (left.name < right.name ? -1 : 1))
    .map((fn, index) => {
      const declared = unit.declaration(fn.name);
      const name = unit.shortName(fn.name);
      const sympos = (positions.get(name) ?? 0) + 1;
      positions.set(name, sympos);
      return {
        id: index + 1,
        name,
        path: fn.name,
        sympos,
        signature: unit.signature(fn),
        kind: unit.isBare(fn.name) ? "bare" : unit.isPatchable(fn.name) ? "patchable" : "notrace",
        bodyHash: bodies.hash(fn),
        record: records.get(declared?.name ?? fn.name) ?? 0,
        file: declared?.file ?? "",
        line: declared?.line ?? 0,
        column: declared?.column ?? 0,
      };
    });
}

export function completeSymbols(
  planned: readonly PlannedRow[],
  facts: {
    readonly sleepable: ReadonlySet<string>;
    readonly slots: ReadonlyMap<string, number>;
    readonly frames: ReadonlyMap<string, number>;
  },
): FunctionRow[] {
  return planned.map((row) => ({
    ...row,
    slot: facts.slots.get(row.path) ?? 0,
    class: facts.sleepable.has(row.path) ? "sleepable" : "atomic",
    frameSize: facts.frames.get(row.path) ?? 0,
  }));
}
