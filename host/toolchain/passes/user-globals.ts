/**
 * Pass `user-globals`: a program's variables live in its window.
 *
 * Problem   a Wasm global is one per instance: per CPU, and shared by all processes that run there.
 * Example   `let turns = 0;` of one process would count the turns of all, and another number on each CPU.
 * Emitted   `global.get $turns` becomes a load from a fixed word of the window, `global.set` a store.
 * Invariant no mutable global is left; initial values are part of the bytes that each process starts with.
 */
import { MachineError } from "../../errors.ts";
import type { MachineErrorCode } from "../../errors.ts";
import { kindOf, rewrite, view } from "../expressions.ts";
import type { Expression, Type } from "../binaryen.ts";
import type { DataBlock } from "../sections.ts";
import type { Unit } from "../unit.ts";

const SLOT = 8; // bytes per variable, whatever its type

interface Variable {
  readonly offset: number;
  readonly access: Unit["m"]["i64"];
}

/** Moves mutable globals to `[start, end)` of the window; returns their initial values. */
export function moveGlobals(unit: Unit, start: number, end: number): DataBlock {
  const names = mutableGlobals(unit);
  if (start + names.length * SLOT > end) {
    throw new MachineError(
      "FORBIDDEN_IN_USER_PROGRAM",
      `the user program has ${names.length} variables; ${(end - start) / SLOT} fit in front of its data`,
      "Keep some of them in memory.",
    );
  }
  const bytes = globalsToMemory(unit, names, "FORBIDDEN_IN_USER_PROGRAM", (offset) => unit.m.i32.const(start + offset));
  return { address: start, bytes };
}

/** Names of the variables that the module defines. */
export function mutableGlobals({ b, m }: Unit): string[] {
  const globals = Array.from({ length: m.getNumGlobals() }, (_, i) => b.getGlobalInfo(m.getGlobalByIndex(i)));
  return globals.filter(({ mutable }) => mutable).map(({ name }) => name);
}

/** Turns globals into words of memory at `at(offset)`; returns the bytes that they start with, in that order. */
export function globalsToMemory(
  unit: Unit,
  names: readonly string[],
  code: MachineErrorCode,
  at: (offset: number) => Expression,
): Uint8Array<ArrayBuffer> {
  const { b, m } = unit;
  const variables = new Map<string, Variable>();
  const initial: Uint8Array<ArrayBuffer>[] = [];
  for (const name of names) {
    const { type, init } = b.getGlobalInfo(m.getGlobal(name));
    variables.set(name, { offset: variables.size * SLOT, access: accessOf(unit, name, type, code) });
    initial.push(initialValue(unit, name, init, code));
  }
  for (const fn of unit.functions()) {
    unit.setBody(
      fn,
      rewrite(b, fn.body, (expression, kind) => {
        if (kind !== "GlobalGet" && kind !== "GlobalSet") return expression;
        const node = view(b, expression);
        const variable = variables.get(node["name"] as string);
        if (!variable) return expression;
        const { access, offset } = variable;
        return kind === "GlobalGet"
          ? access.load(0, SLOT_ALIGN, at(offset))
          : access.store(0, SLOT_ALIGN, at(offset), node["value"] as Expression);
      }),
    );
  }
  for (const name of names) {
    for (let i = m.getNumExports() - 1; i >= 0; i--) {
      const exported = b.getExportInfo(m.getExportByIndex(i));
      if (exported.value === name) m.removeExport(exported.name);
    }
    m.removeGlobal(name);
  }
  return new Uint8Array(initial.flatMap((bytes) => [...bytes]));
}

const SLOT_ALIGN = 4; // what every type may claim; a larger promise gains nothing

function accessOf(unit: Unit, name: string, type: Type, code: MachineErrorCode): Unit["m"]["i64"] {
  const { b, m } = unit;
  const found = new Map<Type, Unit["m"]["i64"]>([
    [b.i32, m.i32],
    [b.i64, m.i64],
    [b.f32, m.f32],
    [b.f64, m.f64],
  ]).get(type);
  if (found) return found;
  throw new MachineError(
    code,
    `${unit.described(name)} is a variable that is no number`,
    "Use variables of the types i32, i64, f32 and f64.",
  );
}

function initialValue(unit: Unit, name: string, init: Expression, code: MachineErrorCode): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SLOT);
  const write = new DataView(bytes.buffer);
  const { b } = unit;
  const value =
    kindOf(b, init) === "GlobalGet" ? b.getGlobalInfo(unit.m.getGlobal(view(b, init)["name"] as string)).init : init;
  if (kindOf(b, value) !== "Const") {
    throw new MachineError(
      code,
      `the initial value of ${unit.described(name)} is computed`,
      "Start it with a constant, and assign the value in the program.",
    );
  }
  const node = view(b, value) as unknown as { valueI32: number; valueI64: unknown; valueF32: number; valueF64: number };
  const type = b.getExpressionType(value);
  if (type === b.i32) write.setInt32(0, node.valueI32, true);
  else if (type === b.i64) write.setBigInt64(0, toBigInt(node.valueI64), true);
  else if (type === b.f32) write.setFloat32(0, node.valueF32, true);
  else write.setFloat64(0, node.valueF64, true);
  return bytes;
}

/** Binaryen gives 64-bit values as a big integer or as two halves, by how it was built. */
function toBigInt(value: unknown): bigint {
  if (typeof value === "bigint") return value;
  const { low, high } = value as { low: number; high: number };
  return (BigInt(high) << 32n) | BigInt(low >>> 0);
}
