/**
 * What a function's body is, whatever its address in the image.
 *
 * Problem   a patch names the body that it was made against, and a string that moved is no change of that body.
 * Example   `(i32.const 602144)` becomes `(static "…contents…")`, or `(function kernel/fs/pipe/pipe_read)`.
 * Contract  the text is taken right after compilation, before any pass; two builds of one source give equal texts.
 *           The line numbers that assertions carry are left out: a line that moved is no change either.
 * Invariant every address of static data in a body is replaced by what stands there, however deep.
 */
import { createHash } from "node:crypto";
import type { FunctionPointer } from "./declarations.ts";
import type { DefinedFunction, Unit } from "./unit.ts";

/** The last two operands of an assertion are line and column of its place in the source. */
const ABORT_CALL = /^( *)\(call import env\.abort\n([^]*?)\n *\(i32\.const \d+\)\n *\(i32\.const \d+\)\n\1\)/gm;

/** Where the compiler's header says what class an object has, and the number of strings there. */
const CLASS_ID = 12;
const STRING_ID = 2;

const isString = (object: Uint8Array<ArrayBuffer>): boolean =>
  object.length >= CLASS_ID + 4 &&
  new DataView(object.buffer, object.byteOffset).getUint32(CLASS_ID, true) === STRING_ID;

export class BodyNormaliser {
  readonly #unit: Unit;
  readonly #pointers: ReadonlyMap<number, FunctionPointer>;
  readonly #objects: ReadonlyMap<number, Uint8Array<ArrayBuffer>>;
  readonly #constants: ReadonlyMap<string, string>;
  /** Imports have no names of their own in a module, so calls name what is imported. */
  readonly #imports: ReadonlyMap<string, string>;
  readonly #statics: { readonly name: string; readonly address: number }[] = [];
  readonly #contents = new Map<number, string>();

  constructor(unit: Unit) {
    this.#unit = unit;
    const { objectHeader, pointers } = unit.declarations;
    this.#imports = new Map(unit.imports().map((fn) => [fn.name, `(call import ${fn.module}.${fn.base}`]));
    this.#pointers = new Map(pointers.map((pointer) => [pointer.address, pointer]));
    this.#objects = new Map(
      unit.data().map(({ address, bytes }) => [address + objectHeader, bytes.subarray(objectHeader)]),
    );
    const strings = new Set(
      unit.data().flatMap((object) => (isString(object.bytes) ? object.address + objectHeader : [])),
    );
    const constants = new Map<string, string>();
    for (let i = 0; i < unit.m.getNumGlobals(); i++) {
      const global = unit.b.getGlobalInfo(unit.m.getGlobalByIndex(i));
      const value = global.mutable || global.module !== "" ? undefined : unit.constant(global.init);
      if (value === undefined) continue;
      constants.set(global.name, this.#constant(value));
      if (this.#objects.has(value) && !strings.has(value)) this.#statics.push({ name: global.name, address: value });
    }
    this.#constants = constants;
  }

  text(fn: DefinedFunction): string {
    return this.#unit.b
      .emitText(fn.body)
      .replace(/\(call \$([^\s)]+)/g, (whole, name: string) => this.#imports.get(name) ?? whole)
      .replace(ABORT_CALL, "$1(call import env.abort\n$2\n$1)")
      .replace(/\(i32\.const (-?\d+)\)/g, (_whole, value: string) => `(${this.#constant(Number(value))})`)
      .replace(/\(global\.get \$([^\s)]+)\)/g, (whole, name: string) => this.#constants.get(name) ?? whole);
  }

  /** Digests of the arrays and records that module-level constants point to, by name. */
  statics(): Record<string, string> {
    return Object.fromEntries(this.#statics.map(({ name, address }) => [name, this.#content(address)]));
  }

  hash(fn: DefinedFunction): string {
    return createHash("sha256")
      .update(`${this.#unit.signature(fn)}\n${this.text(fn)}`)
      .digest("hex");
  }

  #constant(value: number): string {
    const pointer = this.#pointers.get(value);
    if (pointer) return `function ${pointer.name}`;
    return this.#objects.has(value) ? `static ${this.#content(value)}` : `i32.const ${value}`;
  }

  /** A digest of a static object in which addresses stand for what they point to. */
  #content(address: number): string {
    const known = this.#contents.get(address);
    if (known !== undefined) return known;
    this.#contents.set(address, "itself"); // an object that points back to itself ends here
    const bytes = this.#objects.get(address) ?? new Uint8Array();
    const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const hash = createHash("sha256");
    for (let at = 0; at + 4 <= bytes.length; at += 4) {
      const word = words.getUint32(at, true);
      const target = this.#constant(word);
      hash.update(target.startsWith("i32.const") ? `${word},` : `${target},`);
    }
    const digest = hash.digest("hex");
    this.#contents.set(address, digest);
    return digest;
  }
}
