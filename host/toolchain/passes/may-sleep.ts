/**
 * Pass `may-sleep`: the class of every function, and the proof that no sleeper is called where nobody may sleep.
 *
 * Problem   a function that sleeps must be able to unwind, and so must all its callers; one that an interrupt calls
 *           through a pointer must not sleep, and the call graph does not see through pointers.
 * Example   `timer_setup(timer, wait_for_disk)` is one call away from a CPU that sleeps inside its timer interrupt.
 * Emitted   nothing. Sleepable: calls `start_unwind`, or a sleepable function, or (declared `@sleeps`) a pointer.
 *           Propagation ends at `@bare`. Functions that call pointers, or are handed them, say `@sleeps` or `@atomic`.
 * Invariant a pointer to a sleepable function is only ever in `@sleeps` hands.
 */
import { MachineError } from "../../errors.ts";
import { children, kindOf, view, walk } from "../expressions.ts";
import { PointerMap } from "../pointers.ts";
import type { FunctionPointer } from "../declarations.ts";
import type { DefinedFunction, Unit } from "../unit.ts";
import type { Expression } from "../binaryen.ts";

const STEP_POINT = "step_point";

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
  const asyncify = new Map(unit.imports().filter((fn) => fn.module === "asyncify").map((fn) => [fn.name, fn.base]));
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
  const sleepable = new Set(roots);
  for (let size = -1; size !== sleepable.size; ) {
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

/** The functions that may sleep. Refuses undeclared use of pointers, and sleepers in atomic hands. */
export function maySleep(unit: Unit): Set<string> {
  const graph = callGraph(unit);
  for (const name of graph.indirect) {
    if (unit.has(name, "sleeps") || unit.has(name, "atomic")) continue;
    throw new MachineError(
      "UNDECLARED_INDIRECT_CALL",
      `${name} calls a function through a pointer and does not say whether that function may sleep`,
      `Mark ${unit.shortName(name)} @sleeps, or @atomic if it runs where nobody may sleep.`,
    );
  }
  // A step point unwinds too, but to let another CPU run: the task does not sleep there.
  const sleepers = [...graph.bottom].filter((name) => unit.shortName(name) !== STEP_POINT);
  const sleepable = propagate(unit, graph, [...sleepers, ...sleepingPointerCallers(unit, graph)]);
  const pointers = new PointerMap(unit);
  for (const fn of unit.functions()) checkPointers(unit, graph, sleepable, pointers, fn);
  return sleepable;
}

/** Follows each pointer constant in `fn` to the function that gets it. */
function checkPointers(
  unit: Unit,
  graph: CallGraph,
  sleepable: ReadonlySet<string>,
  pointers: PointerMap,
  fn: DefinedFunction,
): void {
  const { b } = unit;
  const visit = (expression: Expression, holder: string): void => {
    const address = unit.constant(expression);
    for (const pointer of address === undefined ? [] : pointers.at(address)) hand(pointer, holder);
    const kind = kindOf(b, expression);
    const target = kind === "Call" ? (view(b, expression)["target"] as string) : undefined;
    // Fields and library containers only store what they are handed: the holder is who uses them.
    const next = target === undefined || target.startsWith("~lib/") || target.includes("#") ? holder : target;
    for (const child of children(b, expression)) visit(child.value, next);
  };
  const hand = (pointer: FunctionPointer, holder: string): void => {
    const atomic = unit.has(holder, "atomic");
    if (!atomic && !unit.has(holder, "sleeps")) {
      throw new MachineError(
        "UNDECLARED_POINTER",
        `${fn.name} hands ${pointer.name} to ${holder}, which does not say whether it may sleep`,
        `Mark ${unit.shortName(holder)} @sleeps or @atomic.`,
      );
    }
    if (atomic && sleepable.has(pointer.name)) {
      throw new MachineError(
        "SLEEPING_FUNCTION_IN_ATOMIC",
        `${fn.name} hands ${pointer.name} to ${holder}, which calls it where nobody may sleep; ` +
          `it sleeps by way of ${pathToSleep(graph, sleepable, pointer.name).join(" -> ")}`,
        "Hand over a function that does not sleep, for example one that queues the work for a kernel thread.",
      );
    }
  };
  visit(fn.body, fn.name);
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
