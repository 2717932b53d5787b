/**
 * The static data that a patch brings along.
 *
 * Idea: what the kernel has already is used where it is, so that nothing of it dangles when the patch is gone; the rest
 * is copied into one block, and the loader says where that lies.
 * Contract: `place` for each address that kept code names, before `block`. The kernel's own: records of its functions,
 * and objects without addresses inside that it has byte for byte.
 * Invariant: an object keeps its alignment, and everything that it points to comes along.
 */
import { MachineError } from "../errors.ts";
import type { FunctionPointer } from "./declarations.ts";
import type { FunctionRow } from "./image.ts";
import { addressesOf, FAR_RANGE, holds } from "./passes/addresses.ts";
import type { StaticObject } from "./passes/addresses.ts";
import type { Relocation } from "./patch-format.ts";
import type { DataBlock } from "./sections.ts";

const ALIGNMENT = 16;

/** Where an address of the compiled patch is at run time. */
export type Placement = { readonly kernel: number } | { readonly offset: number };

export interface PatchDataOptions {
  readonly objects: readonly StaticObject[];
  readonly pointers: readonly FunctionPointer[];
  readonly kernelFunctions: ReadonlyMap<string, FunctionRow>;
  readonly kernelData: readonly DataBlock[];
}

export class PatchData {
  readonly #objects: readonly StaticObject[];
  readonly #pointers: ReadonlyMap<number, FunctionPointer>;
  readonly #kernelFunctions: ReadonlyMap<string, FunctionRow>;
  readonly #kernelObjects: ReadonlyMap<string, number>;
  readonly #offsets = new Map<StaticObject, number>();
  #length = 0;
  /** Functions without a slot that the block holds pointers to: they need a table index of their own. */
  readonly entries: Set<string> = new Set();

  constructor({ objects, pointers, kernelFunctions, kernelData }: PatchDataOptions) {
    this.#objects = objects;
    this.#pointers = new Map(pointers.map((pointer) => [pointer.address, pointer]));
    this.#kernelFunctions = kernelFunctions;
    this.#kernelObjects = new Map(kernelData.map(({ address, bytes }) => [contents(bytes), address]));
  }

  /** Makes sure that what lies at `address` is there at run time; `from` is who needs it. */
  place(address: number, from: string): Placement {
    const pointer = this.#pointers.get(address);
    const known = pointer && this.#kernelFunctions.get(pointer.name);
    if (known && known.record > 0) return { kernel: known.record };
    const object = this.#objectAt(address, from);
    const twin = object.pointers.length > 0 || pointer ? undefined : this.#kernelObjects.get(contents(object.bytes));
    if (twin !== undefined) return { kernel: twin + address - object.address };
    return { offset: this.#offsetOf(object, pointer) + address - object.address };
  }

  /** The block as the module carries it, and the words that the loader fills in. */
  block(): { bytes: Uint8Array<ArrayBuffer>; relocations: Relocation[] } {
    const bytes = new Uint8Array(this.#length);
    const words = new DataView(bytes.buffer);
    const relocations: Relocation[] = [];
    for (const [object, start] of this.#offsets) {
      bytes.set(object.bytes, start);
      for (const at of object.pointers) {
        const placed = this.place(words.getUint32(start + at, true), "static data");
        if ("kernel" in placed) words.setUint32(start + at, placed.kernel, true);
        else relocations.push({ offset: start + at, kind: "data", addend: placed.offset });
      }
    }
    for (const [address, { name: path }] of this.#pointers) {
      const object = this.#objects.find((one) => holds(one, address));
      const start = object && this.#offsets.get(object);
      if (!object || start === undefined) continue;
      const offset = start + address - object.address; // the record's first word is the table index
      const slot = this.#kernelFunctions.get(path)?.slot ?? 0;
      relocations.push(slot > 0 ? { offset, kind: "slot", path, slot } : { offset, kind: "added", path });
    }
    return { bytes, relocations: relocations.toSorted((left, right) => left.offset - right.offset) };
  }

  #objectAt(address: number, from: string): StaticObject {
    const object = this.#objects.find((one) => holds(one, address));
    if (object) return object;
    throw new MachineError(
      "UNPLACED_ADDRESS",
      `${from} uses the address ${address}, which is in no static object`,
      `A patch cannot use __heap_base, __data_end or the like, which are the kernel image's, nor ${FAR_RANGE} as a number.`,
    );
  }

  #offsetOf(object: StaticObject, pointer: FunctionPointer | undefined): number {
    const known = this.#offsets.get(object);
    if (known !== undefined) return known;
    const gap = (ALIGNMENT + (object.address % ALIGNMENT) - (this.#length % ALIGNMENT)) % ALIGNMENT;
    const offset = this.#length + gap;
    this.#offsets.set(object, offset);
    this.#length = offset + object.bytes.length;
    if (pointer && !this.#kernelFunctions.get(pointer.name)?.slot) this.entries.add(pointer.name);
    for (const address of addressesOf(object)) this.place(address, "static data");
    return offset;
  }
}

const contents = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
