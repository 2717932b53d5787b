/**
 * Who imports whom, from source text.
 *
 * Imports of types only leave nothing behind in the built module and do not count; in AssemblyScript every import does.
 */
import { dirname, join } from "node:path/posix";

export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** `import … from "./x"` and `export … from "./x"`, over several lines too, but not `import type`. */
const IMPORT = /^(?:import|export)\s(?!type\s)(?:[^"';]*?\sfrom\s+)?"(\.[^"]+)"/gm;

/** Edges between `paths`; what else they import is left out. */
export function importGraph(paths: readonly string[], read: (path: string) => string): ImportGraph {
  const known = new Set(paths);
  const importsOf = (path: string): string[] =>
    [...read(path).matchAll(IMPORT)]
      .map((match) => join(dirname(path), match[1] ?? "").replace(/(\.ts)?$/, ".ts"))
      .filter((target) => known.has(target));
  return new Map(paths.map((path) => [path, importsOf(path)]));
}

/** The first cycle found, with its first file again at the end. */
export function findCycle(graph: ImportGraph): string[] | undefined {
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const target of graph.get(path) ?? []) {
      const cycle = visit(target, [...trail, path]);
      if (cycle) return cycle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of graph.keys()) {
    const cycle = visit(path, []);
    if (cycle) return cycle;
  }
  return undefined;
}
