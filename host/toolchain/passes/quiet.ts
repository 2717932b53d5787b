/**
 * Pass `quiet`: what stubs and unwinding frames call must be invisible to the machinery that calls it.
 *
 * Problem   stubs run while a stack is being rewound, and `stack_end_hit` while one is being unwound. A callee that
 *           unwinds would mix its frames into that stack; one behind a slot could meet the very stub that called it.
 * Example   `klp_target` takes a lock that sleeps; `trace_enter` calls a function that is being traced.
 * Emitted   nothing; refused with the way there. In the stepped image these functions get no step points.
 * Invariant everything reached from these functions neither sleeps nor owns a slot.
 */
import { MachineError } from "../../errors.ts";
import type { Unit } from "../unit.ts";
import type { CallGraph } from "../call-graph.ts";

const CALLED_AT_ANY_TIME = new Set([
  "klp_target",
  "klp_trace_call",
  "trace_enter",
  "trace_next",
  "trace_exit",
  "stack_end_hit",
]);

/** The functions reached from the runtime functions that run at any time, with how each is reached. */
export function quietFunctions(unit: Unit, graph: CallGraph): Map<string, readonly string[]> {
  const paths = new Map<string, readonly string[]>();
  for (const name of graph.calls.keys()) if (CALLED_AT_ANY_TIME.has(unit.shortName(name))) paths.set(name, [name]);
  for (const [name, path] of paths) {
    for (const target of graph.calls.get(name) ?? []) {
      if (graph.calls.has(target) && !paths.has(target)) paths.set(target, [...path, target]);
    }
  }
  return paths;
}

/** Refuses a kernel in which one of them may sleep or be patched. */
export function checkQuiet(unit: Unit, graph: CallGraph, sleepable: ReadonlySet<string>): void {
  for (const [name, path] of quietFunctions(unit, graph)) {
    const slot = unit.isPatchable(name);
    if (!slot && (!sleepable.has(name) || unit.isBare(name))) continue;
    throw new MachineError(
      "RUNTIME_FUNCTION_NOT_QUIET",
      `${path.join(" -> ")} runs inside stubs, but ${name} ${slot ? "owns a slot" : "may sleep"}`,
      slot ? `Mark ${unit.shortName(name)} @notrace.` : "Do the sleeping part elsewhere.",
    );
  }
}
