/**
 * A finished patch → its `wlp.patch` record.
 *
 * Contract: called when only the patch's own functions are left in the unit, so that the calls listed are those made.
 * Invariant: rows are in the order of `k`; every import of a slot has its row under `calls`.
 */
import { MachineError } from "../errors.ts";
import { view, walk } from "./expressions.ts";
import type { KernelMap } from "./image.ts";
import type { Changes } from "./patch-changes.ts";
import { PATCH_FORMAT, SLOT_PREFIX, STUB_PREFIX } from "./patch-format.ts";
import type { KernelSymbol, PatchInfo, PatchModel, SlotCall } from "./patch-format.ts";
import type { PlannedRow } from "./symbols.ts";
import type { Unit } from "./unit.ts";

export interface PatchFacts {
  readonly name: string;
  readonly model?: PatchModel | undefined;
  readonly force?: readonly string[];
  readonly object: string | null;
  readonly base: KernelMap;
  readonly changes: Changes;
  /** Functions of the module, in the order of `k`. */
  readonly rows: readonly PlannedRow[];
  readonly exported: readonly string[];
  readonly stubs: readonly string[];
  readonly frames: ReadonlyMap<string, number>;
  readonly sleepable: ReadonlySet<string>;
  readonly hooks: PatchInfo["hooks"];
  readonly data: PatchInfo["data"];
}

export function describePatch(unit: Unit, facts: PatchFacts): PatchInfo {
  const { base, changes, rows, frames, sleepable } = facts;
  const kernel = new Map(base.functions.map((row) => [row.path, row]));
  const k = new Map(rows.map((row, index) => [row.path, index]));
  const replaced = new Set(changes.replaced.map(({ now }) => now.path));
  const forced = forcedFunctions(unit, facts);
  const added = rows.filter((row) => facts.exported.includes(row.path) && !replaced.has(row.path));
  return {
    format: PATCH_FORMAT,
    name: facts.name,
    model: facts.model ?? null,
    object: facts.object,
    kernel: base.identity,
    variant: { debug: base.variant.debug, stepped: base.variant.stepped },
    functions: changes.replaced.map(({ now, base: before }) => ({
      ...symbol(before),
      file: now.file,
      line: now.line,
      bodyHash: before.bodyHash,
      class: before.class,
      force: forced.has(now.path),
      stub: facts.stubs.includes(STUB_PREFIX + now.path),
      k: k.get(now.path) ?? 0,
    })),
    added: added.map(({ path, name, signature, file, line }) => ({
      path,
      name,
      signature,
      file,
      line,
      class: sleepable.has(path) ? "sleepable" : "atomic",
      k: k.get(path) ?? 0,
    })),
    rows: rows.map(({ path, name, signature }, index) => ({
      k: index,
      path,
      name,
      signature,
      frameSize: frames.get(path) ?? 0,
      slot: kernel.get(path)?.slot ?? 0,
    })),
    calls: slotCalls(unit, kernel),
    data: facts.data,
    hooks: facts.hooks,
  };
}

const symbol = ({ path, name, sympos, signature, slot }: KernelSymbol): KernelSymbol => ({
  path,
  name,
  sympos,
  signature,
  slot,
});

export function slotCalls(unit: Unit, kernel: ReadonlyMap<string, KernelSymbol>): SlotCall[] {
  const paths = new Set<string>();
  for (const fn of unit.functions()) {
    walk(unit.b, fn.body, (expression, kind) => {
      const name = kind === "GlobalGet" ? (view(unit.b, expression)["name"] as string) : "";
      if (name.startsWith(SLOT_PREFIX)) paths.add(name.slice(SLOT_PREFIX.length));
    });
  }
  return [...paths].toSorted().flatMap((path) => {
    const row = kernel.get(path);
    return row ? [{ import: SLOT_PREFIX + path, ...symbol(row) }] : [];
  });
}

/** Replaced functions that go in although they are in use: by decorator, or by name or path on request. */
function forcedFunctions(unit: Unit, { changes, force = [] }: PatchFacts): Set<string> {
  const forced = new Set<string>();
  for (const { now } of changes.replaced) if (unit.has(now.path, "force_unsafe")) forced.add(now.path);
  for (const wanted of force) {
    const found = changes.replaced.filter(({ now }) => now.name === wanted || now.path === wanted);
    if (found.length === 0) {
      const names = changes.replaced.map(({ now }) => now.name).join(", ");
      throw new MachineError(
        "BAD_OPTION",
        `force names ${wanted}, which the patch does not replace`,
        `It replaces: ${names}.`,
      );
    }
    for (const { now } of found) forced.add(now.path);
  }
  return forced;
}
