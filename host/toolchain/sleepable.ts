/**
 * Everything between "it is known who sleeps" and "they can": safepoints, step points, Asyncify, assertions.
 *
 * Idea: kernel images and patches are made sleepable by one list of passes, so that their frames fit together.
 * Contract: `sleepable` is what may-sleep found. Invariant: the analysis here and Asyncify's own agree, or the build
 * stops; callers give out frame ids afterwards.
 */
import { callGraph, propagate, sleepingPointerCallers } from "./call-graph.ts";
import type { CallGraph } from "./call-graph.ts";
import { assertAtomicCalls } from "./passes/atomic-asserts.ts";
import { asyncify } from "./passes/asyncify.ts";
import { insertSafepoints } from "./passes/safepoints.ts";
import { insertStepPoints } from "./passes/step-points.ts";
import type { Unit } from "./unit.ts";

/** As in kernel/abi.ts; the mini kernels of the tests have no such file of their own. */
const STEPS = { atomic: 1, call: 2 };

export interface SleepableOptions {
  readonly debug: boolean;
  readonly stepped: boolean;
  readonly optimizeLevel: number;
  /** Who owns Asyncify's globals. */
  readonly globals: "export" | "import";
  /** Functions that count as sleepers whatever their bodies do now. */
  readonly always: readonly string[];
  /** Functions whose bodies are not wanted: a patch leaves them to the kernel. */
  readonly unwanted?: ReadonlySet<string>;
}

export function makeSleepable(unit: Unit, options: SleepableOptions, sleepable: ReadonlySet<string>): void {
  const { optimizeLevel, globals, always } = options;
  insertSafepoints(unit, sleepable);
  if (options.stepped) insertStepPoints(unit, STEPS);
  const graph = callGraph(unit);
  const mayUnwind = (roots: readonly string[]): Set<string> => {
    const reached = propagate(unit, graph, [...graph.bottom, ...roots]);
    for (const name of graph.bottom) reached.delete(name); // they start the unwinding, and have nothing to restore
    return reached;
  };
  const pointerCallers = options.stepped
    ? [...graph.indirect].filter((name) => !unit.isBare(name) && !graph.top.has(name))
    : sleepingPointerCallers(unit, graph);
  const anyhow = mayUnwind(pointerCallers);
  // A step can come before every hooked call, so what is behind a slot may unwind whichever version it is.
  const hooked = options.stepped ? [...graph.calls.keys()].filter((name) => unit.isPatchable(name)) : [];
  const forced = [...always, ...hooked].filter(
    (name) => graph.calls.has(name) && !anyhow.has(name) && !graph.bottom.has(name),
  );
  const unwinding = mayUnwind([...pointerCallers, ...forced]);
  // Callers of such a function expect that it unwinds; itself it does nothing for it when it calls nothing that does.
  const idle = forced.filter((name) => !callsUnwinder(graph, unwinding, name));
  for (const name of idle) unwinding.delete(name);
  // Asyncify spends its time on bodies: those that nobody wants are gone before it, and what they did is told.
  const hollow = [...(options.unwanted ?? [])].filter((name) => !graph.bottom.has(name) && !graph.top.has(name));
  empty(unit, new Set(hollow));
  const told = hollow.filter((name) => unwinding.delete(name));
  asyncify(unit, {
    globals,
    indirect: options.stepped ? "all" : pointerCallers,
    forced: [...forced, ...told],
    imports: [],
    never: [...graph.calls.keys()].filter((name) => unit.isBare(name)),
    expected: unwinding,
    optimizeLevel,
  });
  if (options.debug) assertAtomicCalls(unit, unwinding);
}

function empty(unit: Unit, names: ReadonlySet<string>): void {
  for (const fn of unit.functions()) if (names.has(fn.name)) unit.setBody(fn, unit.m.unreachable());
}

function callsUnwinder(graph: CallGraph, unwinding: ReadonlySet<string>, name: string): boolean {
  if (graph.indirect.has(name)) return true;
  return [...(graph.calls.get(name) ?? [])].some((target) => unwinding.has(target) || graph.bottom.has(target));
}
