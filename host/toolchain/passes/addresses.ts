/**
 * Pass `addresses`: constants that are addresses of static data become names.
 *
 * Problem   a patch's data lies where the loader puts it; in the compiled code its address is a number like any other.
 * Example   `(i32.const 602144)` is "uptime" or a number of bytes: nothing in the code tells.
 * Emitted   the same source is compiled a second time with static data moved; numbers that moved with it are addresses.
 *           Each becomes `(global.get $at:602144)`, an import that no optimiser folds; the patch builder resolves them
 *           at the end, and until then `unit.constant` reads the number from the name.
 * Invariant the two modules differ in nothing else.
 */
import { MachineError } from "../../errors.ts";
import { kindOf, rewrite, view, walk } from "../expressions.ts";
import type { Expression } from "../binaryen.ts";
import type { DefinedFunction, Unit } from "../unit.ts";
import { ADDRESS_MODULE, ADDRESS_PREFIX } from "../unit.ts";

/** A static object: where it lies, and at which of its words there are addresses. */
export interface StaticObject {
  readonly address: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly pointers: readonly number[];
}

export const holds = (object: StaticObject, address: number): boolean =>
  address >= object.address && address < object.address + object.bytes.length;

/** The addresses of other static objects that stand in this one. */
export function addressesOf({ bytes, pointers }: StaticObject): number[] {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return pointers.map((at) => words.getUint32(at, true));
}

/**
 * Names the addresses in all bodies but those `without`, which nobody wants; `moved` is the same unit with static data
 * `by` bytes further on.
 */
export function nameAddresses(unit: Unit, moved: Unit, by: number, without: ReadonlySet<string>): void {
  const { b, m } = unit;
  const twins = new Map(moved.functions().map((fn) => [fn.name, fn]));
  const named = new Set<number>();
  for (const fn of unit.functions()) {
    if (without.has(fn.name)) continue;
    const addresses = addressesIn(unit, fn, moved, twins.get(fn.name), by);
    if (addresses.size === 0) continue;
    const body = rewrite(b, fn.body, (expression) => {
      const address = addresses.get(expression);
      if (address === undefined) return expression;
      named.add(address);
      return m.global.get(ADDRESS_PREFIX + address, b.i32);
    });
    unit.setBody(fn, body);
  }
  for (const address of named) {
    m.addGlobalImport(ADDRESS_PREFIX + address, ADDRESS_MODULE, String(address), b.i32, false);
  }
}

/** Static objects in order of address. */
export function staticObjects(unit: Unit, moved: Unit, by: number): StaticObject[] {
  const others = moved.data();
  return unit.data().map(({ address, bytes }, index) => {
    const other = others[index];
    if (other?.address !== address + by || other.bytes.length !== bytes.length) throw differs(`static data ${address}`);
    const here = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const there = new DataView(other.bytes.buffer, other.bytes.byteOffset, other.bytes.byteLength);
    const pointers: number[] = [];
    for (let at = 0; at + 4 <= bytes.length; at += 4) {
      const word = here.getUint32(at, true);
      if (there.getUint32(at, true) === word + by) pointers.push(at);
      else if (there.getUint32(at, true) !== word) throw differs(`static data ${address + at}`);
    }
    return { address, bytes, pointers };
  });
}

function addressesIn(
  unit: Unit,
  fn: DefinedFunction,
  moved: Unit,
  twin: DefinedFunction | undefined,
  by: number,
): Map<Expression, number> {
  const here = constantsIn(unit, fn);
  const there = twin ? constantsIn(moved, twin) : [];
  if (here.length !== there.length) throw differs(fn.name);
  const found = new Map<Expression, number>();
  here.forEach(({ expression, value }, index) => {
    const other = there[index]?.value;
    if (other === value + by) found.set(expression, value);
    else if (other !== value) throw differs(fn.name);
  });
  return found;
}

function constantsIn(unit: Unit, fn: DefinedFunction): { expression: Expression; value: number }[] {
  const found: { expression: Expression; value: number }[] = [];
  walk(unit.b, fn.body, (expression) => {
    const value = unit.constant(expression);
    if (value !== undefined) found.push({ expression, value });
  });
  return found;
}

/** Puts `resolve(address)` in place of each named address of `fn`. */
export function resolveAddresses(unit: Unit, fn: DefinedFunction, resolve: (address: number) => Expression): void {
  const { b } = unit;
  const body = rewrite(b, fn.body, (expression) => {
    const address = namedAddress(unit, expression);
    return address === undefined ? expression : resolve(address);
  });
  unit.setBody(fn, body);
}

/** The addresses that a body names. */
export function namedAddresses(unit: Unit, fn: DefinedFunction): Set<number> {
  const found = new Set<number>();
  walk(unit.b, fn.body, (expression) => {
    const address = namedAddress(unit, expression);
    if (address !== undefined) found.add(address);
  });
  return found;
}

function namedAddress(unit: Unit, expression: Expression): number | undefined {
  if (kindOf(unit.b, expression) !== "GlobalGet") return undefined;
  const name = view(unit.b, expression)["name"] as string;
  return name.startsWith(ADDRESS_PREFIX) ? Number(name.slice(ADDRESS_PREFIX.length)) : undefined;
}

function differs(what: string): MachineError {
  return new MachineError(
    "INVALID_MODULE",
    `two compilations at different addresses differ in more than addresses: ${what}`,
    "This is a fault of the toolchain: see host/toolchain/passes/addresses.ts.",
  );
}
