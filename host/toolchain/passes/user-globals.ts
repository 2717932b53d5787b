/**
 * Pass `user-globals`: a program's variables live in its window.
 *
 * Problem   a Wasm global is one per instance: per CPU, and shared by all processes that run there.
 * Example   `let turns = 0;` of one process would count the turns of all, and another number on each CPU.
 * Emitted   `global.get $turns` becomes a load from a fixed word of the window, `global.set` a store.
 * Invariant no mutable global is left; initial values are part of the bytes that each process starts with.
 */
import { MachineError } from "../../errors.ts";
import { kindOf, rewrite, view } from "../expressions.ts";
import type { Expression, Type } from "../binaryen.ts";
import type { DataBlock } from "../sections.ts";
import type { Unit } from "../unit.ts";

const SLOT = 8; // bytes per variable, whatever its type

interface Variable {
  readonly address: number;
  readonly type: Type;
}

/** Moves mutable globals to `[start, end)` of the window; returns their initial values. */
export function moveGlobals(unit: Unit, start: number, end: number): DataBlock {
  const { b, m } = unit;
  const variables = new Map<string, Variable>();
  const initial: Uint8Array<ArrayBuffer>[] = [];
  for (let i = 0; i < m.getNumGlobals(); i++) {
    const global = b.getGlobalInfo(m.getGlobalByIndex(i));
    if (!global.mutable) continue;
    variables.set(global.name, { address: start + variables.size * SLOT, type: global.type });
    initial.push(initialValue(unit, global.name, global.init));
  }
  if (start + variables.size * SLOT > end) {
    throw new MachineError(
      "FORBIDDEN_IN_USER_PROGRAM",
      `the user program has ${variables.size} variables; ${(end - start) / SLOT} fit in front of its data`,
      "Keep some of them in memory.",
    );
  }
  for (const fn of unit.functions()) {
    unit.setBody(
      fn,
      rewrite(b, fn.body, (expression, kind) => replace(unit, variables, expression, kind)),
    );
  }
  for (const name of variables.keys()) m.removeGlobal(name);
  return { address: start, bytes: new Uint8Array(initial.flatMap((bytes) => [...bytes])) };
}

function replace(
  unit: Unit,
  variables: ReadonlyMap<string, Variable>,
  expression: Expression,
  kind: string,
): Expression {
  if (kind !== "GlobalGet" && kind !== "GlobalSet") return expression;
  const node = view(unit.b, expression);
  const variable = variables.get(node["name"] as string);
  if (!variable) return expression;
  const { address, type } = variable;
  const access = accessOf(unit, type);
  const at = unit.m.i32.const(address);
  return kind === "GlobalGet"
    ? access.load(0, SLOT_ALIGN, at)
    : access.store(0, SLOT_ALIGN, at, node["value"] as Expression);
}

const SLOT_ALIGN = 4; // what every type may claim; a larger promise gains nothing

function accessOf(unit: Unit, type: Type): Unit["m"]["i64"] {
  const { b, m } = unit;
  const found = new Map<Type, Unit["m"]["i64"]>([
    [b.i32, m.i32],
    [b.i64, m.i64],
    [b.f32, m.f32],
    [b.f64, m.f64],
  ]).get(type);
  if (found) return found;
  throw new MachineError(
    "FORBIDDEN_IN_USER_PROGRAM",
    "the user program has a variable that is no number",
    "Use variables of the types i32, i64, f32 and f64.",
  );
}

function initialValue(unit: Unit, name: string, init: Expression): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SLOT);
  const write = new DataView(bytes.buffer);
  const { b } = unit;
  const value =
    kindOf(b, init) === "GlobalGet" ? b.getGlobalInfo(unit.m.getGlobal(view(b, init)["name"] as string)).init : init;
  if (kindOf(b, value) !== "Const") {
    throw new MachineError(
      "FORBIDDEN_IN_USER_PROGRAM",
      `the user program computes the initial value of ${name}`,
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
