/**
 * Pass `step-points` (stepped image only): another CPU may come between any two steps.
 *
 * Problem   on one thread, two CPUs never interleave by themselves.
 * Example   `atomic.store(word, atomic.load(word) + 1)` loses updates, but only if another CPU runs in between.
 * Emitted   `step_point(STEP_ATOMIC)` before each atomic instruction, `step_point(STEP_CALL)` before each call that
 *           goes through a slot or a pointer; after their operands, which are kept in locals when they step themselves.
 * Invariant the code of `step_point` itself steps nowhere, and neither does what stubs call, nor code without a task's
 *           stack.
 */
import { runtimeFunction } from "../contract.ts";
import { children, rewrite, view, walk } from "../expressions.ts";
import type { Expression } from "../binaryen.ts";
import type { DefinedFunction, Unit } from "../unit.ts";
import { callGraph } from "../call-graph.ts";
import type { CallGraph } from "../call-graph.ts";
import { quietFunctions } from "./quiet.ts";

/** As in kernel/abi.ts. */
export interface StepKinds {
  readonly atomic: number;
  readonly call: number;
}

const ATOMIC_KINDS = new Set(["AtomicRMW", "AtomicCmpxchg", "AtomicWait", "AtomicNotify"]);

/** Into all functions but those `without`: nobody wants their bodies. */
export function insertStepPoints(unit: Unit, kinds: StepKinds, without: ReadonlySet<string>): void {
  const step = runtimeFunction(unit, "step_point");
  const graph = callGraph(unit);
  const silent = new Set([...helpersOf(unit, graph, step), ...quietFunctions(unit, graph).keys()]);
  for (const fn of unit.functions()) {
    if (!silent.has(fn.name) && !without.has(fn.name) && !unit.isBare(fn.name)) insert(unit, fn, step, kinds);
  }
}

function insert(unit: Unit, fn: DefinedFunction, step: string, kinds: StepKinds): void {
  const { b, m } = unit;
  const body = rewrite(b, fn.body, (expression, kind) => {
    const why = stepKind(unit, expression, kind, kinds);
    if (why === undefined) return expression;
    const before: Expression[] = [];
    const operands = children(b, expression);
    if (operands.some((operand) => b.getExpressionType(operand.value) === b.unreachable)) return expression;
    if (operands.some((operand) => steps(unit, operand.value, step))) {
      for (const operand of operands) {
        const type = b.getExpressionType(operand.value);
        const local = unit.addLocal(fn, type);
        before.push(m.local.set(local, operand.value));
        operand.replace(m.local.get(local, type));
      }
    }
    const call = m.call(step, [m.i32.const(why)], b.none);
    return m.block(null, [...before, call, expression], b.getExpressionType(expression));
  });
  unit.setBody(fn, body);
}

function stepKind(unit: Unit, expression: Expression, kind: string, kinds: StepKinds): number | undefined {
  if (kind === "CallIndirect") return kinds.call;
  if (kind === "Call") return unit.isPatchable(view(unit.b, expression)["target"] as string) ? kinds.call : undefined;
  if (ATOMIC_KINDS.has(kind)) return kinds.atomic;
  if (kind === "Load" || kind === "Store") return view(unit.b, expression)["atomic"] ? kinds.atomic : undefined;
  return undefined;
}

function steps(unit: Unit, expression: Expression, step: string): boolean {
  let found = false;
  walk(unit.b, expression, (inner, kind) => {
    found ||= kind === "Call" && view(unit.b, inner)["target"] === step;
  });
  return found;
}

/** `step_point`, what unwinds for it, and the functions that nobody else calls. */
function helpersOf(unit: Unit, graph: CallGraph, step: string): Set<string> {
  const reached = new Set([step]);
  for (const name of reached) {
    for (const target of graph.calls.get(name) ?? []) if (graph.calls.has(target)) reached.add(target);
  }
  const named = new Set(unit.declarations.pointers.map((pointer) => pointer.name));
  const kept = new Set([step, ...graph.bottom]);
  for (let changed = true; changed;) {
    changed = false;
    for (const name of reached) {
      if (kept.has(name) || named.has(name)) continue;
      const callers = [...graph.calls].filter(([, targets]) => targets.has(name)).map(([caller]) => caller);
      if (!callers.every((caller) => kept.has(caller))) continue;
      kept.add(name);
      changed = true;
    }
  }
  return kept;
}
