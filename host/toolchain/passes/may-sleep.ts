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
import { callGraph, pathToSleep, propagate, sleepingPointerCallers } from "../call-graph.ts";
import type { CallGraph } from "../call-graph.ts";
import { children, kindOf, view } from "../expressions.ts";
import { PointerMap } from "../pointers.ts";
import type { FunctionPointer } from "../declarations.ts";
import type { DefinedFunction, Unit } from "../unit.ts";
import type { Expression } from "../binaryen.ts";
import { checkQuiet } from "./quiet.ts";

const STEP_POINT = "step_point";

/**
 * The functions that may sleep, `always` among them. Refuses undeclared use of pointers, and sleepers in atomic hands.
 */
export function maySleep(unit: Unit, always: readonly string[] = []): Set<string> {
  const graph = callGraph(unit);
  for (const name of graph.indirect) {
    if (unit.has(name, "sleeps") || unit.has(name, "atomic")) continue;
    throw new MachineError(
      "UNDECLARED_INDIRECT_CALL",
      `${unit.described(name)} calls a function through a pointer and does not say whether that function may sleep`,
      `Mark ${unit.shortName(name)} @sleeps, or @atomic if it runs where nobody may sleep.`,
    );
  }
  // A step point unwinds too, but to let another CPU run: the task does not sleep there.
  const sleepers = [...graph.bottom].filter((name) => unit.shortName(name) !== STEP_POINT);
  const sleepable = propagate(unit, graph, [
    ...sleepers,
    ...sleepingPointerCallers(unit, graph),
    ...always.filter((name) => graph.calls.has(name)),
  ]);
  const pointers = new PointerMap(unit);
  for (const fn of unit.functions()) checkPointers(unit, graph, sleepable, pointers, fn);
  checkQuiet(unit, graph, sleepable);
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
        `${unit.described(fn.name)} hands ${pointer.name} to ${holder}, which does not say whether it may sleep`,
        `Mark ${unit.shortName(holder)} @sleeps or @atomic.`,
      );
    }
    if (atomic && sleepable.has(pointer.name)) {
      throw new MachineError(
        "SLEEPING_FUNCTION_IN_ATOMIC",
        `${unit.described(fn.name)} hands ${pointer.name} to ${holder}, which calls it where nobody may sleep; ` +
          `it sleeps by way of ${pathToSleep(graph, sleepable, pointer.name).join(" -> ")}`,
        "Hand over a function that does not sleep, for example one that queues the work for a kernel thread.",
      );
    }
  };
  visit(fn.body, fn.name);
}
