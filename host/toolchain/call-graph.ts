/**
 * Who calls whom, and who may therefore sleep.
 *
 * Idea: as long as calls are direct the call graph is exact; it is read off the bodies whenever a pass needs it.
 * Contract: names as in the module; imports count as callees, Asyncify's own four functions as what they do.
 * Invariant: sleepiness goes from callee to caller and ends at `@bare` functions and at those that catch unwinds.
 */
import { view, walk } from "./expressions.ts";
import type { Unit } from "./unit.ts";

export interface CallGraph {
  /** Direct calls of functions that the module defines. */
  readonly calls: ReadonlyMap<string, ReadonlySet<string>>;
  /** Functions with an indirect call. */
  readonly indirect: ReadonlySet<string>;
  /** Functions that start an unwind themselves. */
  readonly bottom: ReadonlySet<string>;
  /** Functions that catch unwinds; sleepiness ends here. */
  readonly top: ReadonlySet<string>;
}

export function callGraph(unit: Unit): CallGraph {
  const { b } = unit;
  const asyncify = new Map(
    unit
      .imports()
      .filter((fn) => fn.module === "asyncify")
      .map((fn) => [fn.name, fn.base]),
  );
  const calls = new Map<string, Set<string>>();
  const graph = { calls, indirect: new Set<string>(), bottom: new Set<string>(), top: new Set<string>() };
  for (const fn of unit.functions()) {
    const targets = new Set<string>();
    calls.set(fn.name, targets);
    walk(b, fn.body, (expression, kind) => {
      if (kind === "CallIndirect") graph.indirect.add(fn.name);
      if (kind !== "Call") return;
      const target = view(b, expression)["target"] as string;
      const base = asyncify.get(target);
      if (base === "start_unwind" || base === "stop_rewind") graph.bottom.add(fn.name);
      if (base === "start_rewind" || base === "stop_unwind") graph.top.add(fn.name);
      targets.add(target);
    });
  }
  return graph;
}

/** Functions that may sleep, given those that do by themselves: callers of callers, up to `@bare`. */
export function propagate(unit: Unit, graph: CallGraph, roots: Iterable<string>): Set<string> {
  const sleepable = new Set([...roots].filter((name) => !unit.isBare(name)));
  for (let size = -1; size !== sleepable.size;) {
    size = sleepable.size;
    for (const [name, targets] of graph.calls) {
      if (sleepable.has(name) || graph.top.has(name) || unit.isBare(name)) continue;
      for (const target of targets) if (sleepable.has(target)) sleepable.add(name);
    }
  }
  return sleepable;
}

/** Functions whose own indirect calls may sleep. */
export function sleepingPointerCallers(unit: Unit, graph: CallGraph): string[] {
  return [...graph.indirect].filter((name) => unit.has(name, "sleeps") && !unit.isBare(name) && !graph.top.has(name));
}

/** How a sleepable function comes to sleep: calls down to the one that unwinds. */
export function pathToSleep(graph: CallGraph, sleepable: ReadonlySet<string>, from: string): string[] {
  const queue = [[from]];
  const seen = new Set<string>();
  for (let path = queue.shift(); path; path = queue.shift()) {
    const name = path.at(-1) ?? "";
    if (graph.bottom.has(name)) return [...path, "start_unwind"];
    const next = [...(graph.calls.get(name) ?? [])].filter((target) => sleepable.has(target) && !seen.has(target));
    if (next.length === 0 && graph.indirect.has(name)) return [...path, "a function pointer"];
    for (const target of next) {
      seen.add(target);
      queue.push([...path, target]);
    }
  }
  return [from];
}
