/**
 * Which functions a piece of code holds pointers to.
 *
 * Idea: a function value is the address of a static record, so a constant with that value is a pointer; an array of
 * such addresses in static data is a bundle of pointers. Contract: `at(address)` gives the functions behind a
 * constant, none for other numbers. Invariant: records come from the compiler; arrays are found by their words.
 */
import { MachineError } from "../errors.ts";
import type { FunctionPointer } from "./declarations.ts";
import type { Unit } from "./unit.ts";

export class PointerMap {
  readonly #records = new Map<number, FunctionPointer>();
  readonly #arrays: { start: number; end: number; pointers: FunctionPointer[] }[] = [];

  constructor(unit: Unit) {
    for (const pointer of unit.declarations.pointers) {
      if (pointer.optionalParameters) {
        throw new MachineError(
          "OPTIONAL_PARAMETERS_BEHIND_POINTER",
          `${pointer.name} has optional parameters and is called through a pointer`,
          "Give every parameter explicitly: the number of arguments travels in a global that other modules do not share.",
        );
      }
      this.#records.set(pointer.address, pointer);
    }
    const { objectHeader } = unit.declarations;
    for (const { address, bytes } of unit.data()) {
      const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const pointers = [];
      for (let at = objectHeader; at + 4 <= bytes.length; at += 4) {
        const pointer = this.#records.get(words.getUint32(at, true));
        if (pointer) pointers.push(pointer);
      }
      if (pointers.length > 0) this.#arrays.push({ start: address, end: address + bytes.length, pointers });
    }
  }

  /** The functions whose pointers are reached from a constant address. */
  at(address: number): FunctionPointer[] {
    const record = this.#records.get(address);
    if (record) return [record];
    return this.#arrays.find(({ start, end }) => address >= start && address < end)?.pointers ?? [];
  }
}
