/**
 * What a patched kernel has that its base has not, and which changes no patch can make.
 *
 * Idea: functions are paired by path and compared by the hash of their un-inlined bodies, so that a moved line or string
 * is no change and an inlined helper changes its callers.
 * Contract: refuses by code with the function, its place in the patched source and what to do instead.
 * Invariant: whatever passes may be swapped function by function while old versions run beside it: same signature,
 * same class, same data.
 */
import { MachineError } from "../errors.ts";
import { callGraph, pathToSleep } from "./call-graph.ts";
import type { FunctionRow, KernelMap } from "./image.ts";
import type { PlannedRow } from "./symbols.ts";
import type { Unit } from "./unit.ts";

export interface Changes {
  /** The patched function beside the kernel's own. */
  readonly replaced: readonly { readonly now: PlannedRow; readonly base: FunctionRow }[];
  /** New functions; called directly from inside the patch. */
  readonly added: readonly PlannedRow[];
}

/** Pairs functions; refuses changes of those that own no slot, and of signatures. */
export function findChanges(unit: Unit, symbols: readonly PlannedRow[], base: KernelMap): Changes {
  const known = new Map(base.functions.map((row) => [row.path, row]));
  const callers = callersOf(unit);
  const replaced: { now: PlannedRow; base: FunctionRow }[] = [];
  for (const now of symbols) {
    const before = known.get(now.path);
    if (!before || before.bodyHash === now.bodyHash) continue;
    if (before.slot === 0 || now.path.includes("~anonymous")) throw notPatchable(unit, now, before, callers, base);
    replaced.push({ now, base: before });
  }
  for (const pair of replaced) checkSignature(pair, callers.get(pair.now.path) ?? [], base);
  const added = symbols.filter((row) => !known.has(row.path) && row.kind === "patchable");
  return { replaced, added };
}

/** Refuses static data of the kernel whose contents changed. */
export function checkStatics(unit: Unit, now: Readonly<Record<string, string>>, base: KernelMap): void {
  for (const [path, digest] of Object.entries(base.statics)) {
    if ((now[path] ?? digest) === digest) continue;
    throw new MachineError(
      "STATIC_DATA_CHANGED",
      `${unit.described(path)} has other contents than in the kernel that runs, where functions outside the patch read it too`,
      "Give the new data another name, and change the functions that shall read it.",
    );
  }
}

/** Refuses other variables of a kernel module than those that it has, whose places code outside the patch knows. */
export function checkVariables(now: Variables, before: Variables): void {
  const differs = (index: number): boolean => now.variables[index] !== before.variables[index];
  const first = [...now.variables.keys(), ...before.variables.keys()].find((index) => differs(index));
  if (first !== undefined) {
    const name = (from: Variables): string => from.variables[first] ?? "none";
    throw layoutChanged(`variable ${first + 1} of the module`, name(before), name(now));
  }
  if (now.words.every((word, index) => word === before.words[index])) return;
  throw new MachineError(
    "STATIC_DATA_CHANGED",
    "a variable of the module starts with another value, and the module has started already",
    "Set it in klp_pre_patch().",
  );
}

interface Variables {
  readonly variables: readonly string[];
  readonly words: readonly number[];
}

/** Refuses numbers and classes that mean something else than in the kernel that runs. */
export function checkLayouts(
  constants: { readonly file: string; readonly before: Constants; readonly now: Constants }[],
  unit: Unit,
  base: KernelMap,
): void {
  for (const { file, before, now } of constants) {
    for (const [name, value] of before) {
      if (now.get(name) !== value) throw layoutChanged(`${name} in ${file}`, String(value), String(now.get(name)));
    }
  }
  for (const [path, before] of Object.entries(base.layouts)) {
    const now = unit.declarations.layouts.get(path) ?? before;
    if (now === before) continue;
    const fields = now.split(" ");
    const old = before.split(" ").filter((field) => !fields.includes(field));
    const young = fields.filter((field) => !before.split(" ").includes(field));
    throw layoutChanged(
      `the class ${unit.described(path)}`,
      old.join(" ") || "without it",
      young.join(" ") || "without it",
    );
  }
}

type Constants = ReadonlyMap<string, number>;

function layoutChanged(what: string, before: string, now: string): MachineError {
  return new MachineError(
    "LAYOUT_CHANGED",
    `${what} is ${now} in the patch and ${before} in the kernel that runs, whose memory is full of it`,
    "Leave existing numbers and fields alone; keep new data in memory of its own, found by the address of the old.",
  );
}

/** Refuses functions that could not sleep in the kernel that runs, and could now. */
export function checkClasses(
  unit: Unit,
  symbols: readonly PlannedRow[],
  sleepable: ReadonlySet<string>,
  changes: Changes,
  base: KernelMap,
): void {
  const classes = new Map(base.functions.map((row) => [row.path, row.class]));
  const woken = symbols.filter(({ path }) => classes.get(path) === "atomic" && sleepable.has(path));
  const first = woken.find(({ path }) => changes.replaced.some(({ now }) => now.path === path)) ?? woken[0];
  if (!first) return;
  const way = pathToSleep(callGraph(unit), sleepable, first.path).map((path) => unit.shortName(path));
  const callers = (callersOf(unit).get(first.path) ?? []).map((path) => unit.shortName(path));
  throw new MachineError(
    "NEWLY_SLEEPING",
    `${place(first, base)} cannot sleep in the kernel that runs and could now, by way of ${way.join(" -> ")}; ` +
      `its callers count on that: ${callers.join(", ") || "those who hold a pointer to it"}`,
    "Sleep in a function that may sleep already, or hand the work to a kernel thread (queue_work).",
  );
}

function checkSignature(
  { now, base: before }: Changes["replaced"][number],
  callers: readonly string[],
  base: KernelMap,
): void {
  if (now.signature === before.signature) return;
  throw new MachineError(
    "SIGNATURE_CHANGED",
    `${place(now, base)} is ${now.signature} in the patch and ${before.signature} in the kernel that runs, ` +
      `where old versions of its callers go on for a while: ${callers.join(", ") || "those who hold a pointer to it"}`,
    `Leave ${now.name} as it is, add a function under another name, and let the callers call that.`,
  );
}

function notPatchable(
  unit: Unit,
  now: PlannedRow,
  before: FunctionRow,
  callers: ReadonlyMap<string, readonly string[]>,
  base: KernelMap,
): MachineError {
  const slots = new Set(base.functions.filter((row) => row.slot > 0).map((row) => row.path));
  const reach = [now.path];
  for (const path of reach) {
    if (slots.has(path)) continue;
    for (const caller of callers.get(path) ?? []) if (!reach.includes(caller)) reach.push(caller);
  }
  const owners = reach.filter((path) => slots.has(path) && path !== now.path).map((path) => unit.shortName(path));
  const why = now.path.includes("~anonymous")
    ? "has no name of its own, so nobody can tell which function it replaces"
    : now.path.includes("#")
      ? "is a method, which owns no slot"
      : `is @${before.kind}, so it owns no slot`;
  return new MachineError(
    "NOT_PATCHABLE",
    `${place(now, base)} has changed and ${why}`,
    owners.length > 0
      ? `Leave it as it is; put the new code into a function of another name, and change who calls it: ${owners.join(", ")}.`
      : "Leave it as it is: no function that owns a slot leads to it.",
  );
}

/** `put_uptime (kernel/fs/procfs.ts:59)`; with the position if the name is not unique. */
export function place(row: PlannedRow, base: KernelMap): string {
  return `${symbolName(row, base)} (${row.file}:${row.line})`;
}

/** `release` or `release,2`. */
export function symbolName(row: { readonly path: string; readonly name: string }, base: KernelMap): string {
  const same = base.functions.filter(({ name }) => name === row.name);
  const known = same.find(({ path }) => path === row.path);
  return same.length > 1 && known ? `${row.name},${known.sympos}` : row.name;
}

function callersOf(unit: Unit): Map<string, string[]> {
  const callers = new Map<string, string[]>();
  for (const [caller, targets] of callGraph(unit).calls) {
    for (const target of targets) callers.set(target, [...(callers.get(target) ?? []), caller]);
  }
  return callers;
}

/** Functions that count as sleepers whatever they do now, because a patch on top may let them sleep again. */
export function sleepersOf(base: KernelMap): string[] {
  return base.functions.filter((row) => row.class === "sleepable").map((row) => row.path);
}
