/**
 * What of a whole kernel cannot come to be in a patch or module.
 *
 * Idea: nearly all of it is the running kernel's, reached by its slots; what nobody wants need not go through the passes.
 * Contract: `unwantedFunctions` before addresses have names, `checkWanted` when it is known what is kept.
 * Invariant: whatever code of the patch's own calls without a slot, or holds a pointer to, however deep, is wanted.
 */
import { MachineError } from "../errors.ts";
import { callGraph } from "./call-graph.ts";
import { runtimeFunction } from "./contract.ts";
import { walk } from "./expressions.ts";
import { addressesOf, holds } from "./passes/addresses.ts";
import type { StaticObject } from "./passes/addresses.ts";
import { debugImport } from "./passes/debug-lines.ts";
import type { DefinedFunction, Unit } from "./unit.ts";

/** All functions but `roots` and what they bring along; `slots` are the kernel's. */
export function unwantedFunctions(
  unit: Unit,
  roots: readonly string[],
  slots: ReadonlyMap<string, number>,
  objects: readonly StaticObject[],
): Set<string> {
  const { calls } = callGraph(unit);
  const debug = debugImport(unit);
  const records = new Map(unit.declarations.pointers.map(({ address, name }) => [address, name]));
  const bodies = new Map(unit.functions().map((fn) => [fn.name, fn.body]));
  const wanted = new Set(roots);
  const seen = new Set<StaticObject>();
  const want = (name: string | undefined): void => {
    if (name !== undefined && !slots.has(name)) wanted.add(name);
  };
  const reach = (address: number): void => {
    want(records.get(address));
    const object = objects.find((one) => holds(one, address));
    if (!object || seen.has(object)) return;
    seen.add(object);
    for (const pointed of addressesOf(object)) reach(pointed);
  };
  // A set's walk meets what is added to it.
  for (const name of wanted) {
    if (name === debug) want(runtimeFunction(unit, "debug_line"));
    for (const callee of calls.get(name) ?? []) want(callee);
    const body = bodies.get(name);
    if (body !== undefined) walk(unit.b, body, (expression) => reach(unit.constant(expression) ?? 0));
  }
  return new Set([...calls.keys()].filter((name) => !wanted.has(name)));
}

/** Refuses a patch or module with a function that was left out. */
export function checkWanted(kept: readonly DefinedFunction[], unwanted: ReadonlySet<string>): void {
  const missing = kept.find(({ name }) => unwanted.has(name));
  if (!missing) return;
  throw new MachineError(
    "INVALID_MODULE",
    `${missing.name} is needed, and was left out before that was known`,
    "This is a fault of the toolchain: see host/toolchain/unwanted.ts.",
  );
}
