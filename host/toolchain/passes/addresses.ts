/**
 * Pass `addresses`: constants that are addresses of static data become names.
 *
 * Problem   a patch's data lies where the loader puts it; in the compiled code its address is a number like any other.
 * Example   `(i32.const 602144)` is "uptime" or a number of bytes: nothing in the code tells.
 * Emitted   patches and modules are compiled with static data in a megabyte of numbers that nobody else uses, so a number
 *           from there is an address. Each becomes `(global.get $at:803209248)`, an import that no optimiser folds; the
 *           patch builder resolves them at the end, and until then `unit.constant` reads the number from the name.
 * Invariant a number from there that is in no static object is refused when somebody wants to place it.
 */
import { kindOf, rewrite, view, walk } from "../expressions.ts";
import type { Expression } from "../binaryen.ts";
import type { DefinedFunction, Unit } from "../unit.ts";
import { ADDRESS_MODULE, ADDRESS_PREFIX } from "../unit.ts";

/**
 * Where static data is compiled to lie. The upper half of these numbers, 0x2FE0 to 0x2FEF, is no character, so text does
 * not look like an address either; that no number of the kernel's does is tested.
 */
export const FAR_DATA = 0x2fe00000;
const FAR_BITS = 20;
export const FAR_RANGE = "0x2fe00000 to 0x2fefffff";

/** Whether a number of a module that was compiled there is an address. */
export const isFar = (value: number): boolean => value >>> FAR_BITS === FAR_DATA >>> FAR_BITS;

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

/** Names the addresses in all bodies but those `without`, which nobody wants. */
export function nameAddresses(unit: Unit, without: ReadonlySet<string>): void {
  const { b, m } = unit;
  const named = new Set<number>();
  for (const fn of unit.functions()) {
    if (without.has(fn.name)) continue;
    const body = rewrite(b, fn.body, (expression) => {
      const address = unit.constant(expression);
      if (address === undefined || !isFar(address)) return expression;
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
export function staticObjects(unit: Unit): StaticObject[] {
  return unit.data().map(({ address, bytes }) => {
    const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const pointers: number[] = [];
    for (let at = 0; at + 4 <= bytes.length; at += 4) if (isFar(words.getUint32(at, true))) pointers.push(at);
    return { address, bytes, pointers };
  });
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
