/**
 * Source lines that survive the passes.
 *
 * Problem: binaryen.js reads no source map, and has no way to ask where an expression came from, so a call that the
 * hooks pass replaces would lose its line, and backtraces with it.
 * Idea: the compiler's text is annotated; `parseText` keeps the annotations; and since text lists calls in the order in
 * which `walk` meets them, the line of each call can be read from that same text.
 * Invariant: the number of calls in text and tree agree for each function, or the build stops.
 */
import { MachineError } from "../errors.ts";
import type { Expression, Module } from "./binaryen.ts";
import { walk } from "./expressions.ts";
import type { Unit } from "./unit.ts";

export interface Location {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Where each direct call of the module stands in the source. */
export class CallLocations {
  readonly #places = new Map<Expression, Location>();
  readonly #files = new Map<string, number>();

  constructor(unit: Unit, text: string) {
    const inText = callsInText(text);
    for (const fn of unit.functions()) {
      const places = inText.get(fn.name) ?? [];
      let next = 0;
      walk(unit.b, fn.body, (expression, kind) => {
        if (kind !== "Call") return;
        const place = places[next++];
        if (place) this.#places.set(expression, place);
      });
      if (next === places.length) continue;
      throw new MachineError(
        "INVALID_MODULE",
        `${fn.name} has ${next} calls, and ${places.length} in its text`,
        "This is a fault of the toolchain: see host/toolchain/locations.ts.",
      );
    }
  }

  /** Gives `replacement` the place of `original`. */
  carry(m: Module, fn: number, original: Expression, replacement: Expression): void {
    const place = this.#places.get(original);
    if (!place) return;
    let file = this.#files.get(place.file);
    if (file === undefined) this.#files.set(place.file, (file = fileIndex(m, place.file)));
    m.setDebugLocation(fn, replacement, file, place.line, place.column);
  }
}

/** The index of a file in the module's own list of sources. */
function fileIndex(m: Module, file: string): number {
  for (let index = 0; ; index++) {
    const known = m.getDebugInfoFileName(index);
    if (known === file) return index;
    if (known === null) return m.addDebugInfoFileName(file);
  }
}

/** For each function, the places of its direct calls, in the order of the text. */
function callsInText(text: string): Map<string, (Location | undefined)[]> {
  const found = new Map<string, (Location | undefined)[]>();
  let calls: (Location | undefined)[] = [];
  let here: Location | undefined;
  for (const line of text.split("\n")) {
    const start = /^ \(func \$(\S+?)\)?(?: |$)/.exec(line);
    const note = /^\s*;;@(?: (.+):(\d+):(\d+))?/.exec(line);
    if (start) {
      calls = [];
      here = undefined;
      found.set(start[1] ?? "", calls);
    } else if (note) {
      here = note[1] === undefined ? undefined : { file: note[1], line: Number(note[2]), column: Number(note[3]) };
    } else if (/^\s*\((return_)?call \$/.test(line)) {
      calls.push(here);
    }
  }
  return found;
}
