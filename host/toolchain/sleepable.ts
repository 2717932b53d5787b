/**
 * Everything between "it is known who sleeps" and "they can": safepoints, step points, Asyncify, assertions.
 *
 * Idea: kernel images and patches are made sleepable by one list of passes, so that their frames fit together.
 * Contract: `sleepable` is what may-sleep found. Invariant: the analysis here and Asyncify's own agree, or the build
 * stops; callers give out frame ids afterwards.
 */
import { callGraph, propagate, sleepingPointerCallers } from "./call-graph.ts";
import type { CallGraph } from "./call-graph.ts";
import { RUNTIME_FUNCTIONS } from "./contract.ts";
import { assertAtomicCalls } from "./passes/atomic-asserts.ts";
import { asyncify } from "./passes/asyncify.ts";
import { keepFunctions } from "./passes/patch-links.ts";
import { insertSafepoints } from "./passes/safepoints.ts";
import { insertStepPoints } from "./passes/step-points.ts";
import type { Unit } from "./unit.ts";

const NONE: ReadonlySet<string> = new Set();

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
  const { optimizeLevel, globals, always, unwanted = NONE } = options;
  insertSafepoints(unit, sleepable, unwanted);
  if (options.stepped) insertStepPoints(unit, STEPS, unwanted);
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
  // Asyncify looks at every function: those that nobody wants are gone before it, and what callees did is told.
  const hollow = [...unwanted].filter((name) => !graph.bottom.has(name) && !graph.top.has(name));
  if (hollow.length > 0) leaveOut(unit, new Set(hollow), unwanted);
  const left = new Set(unit.functions().map(({ name }) => name));
  const told = hollow.filter((name) => unwinding.delete(name));
  asyncify(unit, {
    globals,
    indirect: options.stepped ? "all" : pointerCallers.filter((name) => left.has(name)),
    forced: [...forced, ...told].filter((name) => left.has(name)),
    imports: [],
    never: [...left].filter((name) => unit.isBare(name)),
    expected: unwinding,
    optimizeLevel,
  });
  if (options.debug) assertAtomicCalls(unit, unwinding);
}

/** Bodies of `hollow` become empty, and what only `unwanted` functions needed goes. */
function leaveOut(unit: Unit, hollow: ReadonlySet<string>, unwanted: ReadonlySet<string>): void {
  const functions = unit.functions();
  for (const fn of functions) if (hollow.has(fn.name)) unit.setBody(fn, unit.m.unreachable());
  const runtime = Object.keys(RUNTIME_FUNCTIONS);
  const roots = functions.filter(({ name }) => !unwanted.has(name) || runtime.includes(unit.shortName(name)));
  keepFunctions(
    unit,
    roots.map(({ name }) => name),
  );
}

function callsUnwinder(graph: CallGraph, unwinding: ReadonlySet<string>, name: string): boolean {
  if (graph.indirect.has(name)) return true;
  return [...(graph.calls.get(name) ?? [])].some((target) => unwinding.has(target) || graph.bottom.has(target));
}
