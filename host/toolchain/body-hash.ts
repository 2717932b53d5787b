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
const ABORT_CALL = /^( *)\(call \$~lib\/builtins\/abort\n([^]*?)\n *\(i32\.const \d+\)\n *\(i32\.const \d+\)\n\1\)/gm;

export class BodyNormaliser {
  readonly #unit: Unit;
  readonly #pointers: ReadonlyMap<number, FunctionPointer>;
  readonly #objects: ReadonlyMap<number, Uint8Array<ArrayBuffer>>;
  readonly #constants: ReadonlyMap<string, string>;
  readonly #contents = new Map<number, string>();

  constructor(unit: Unit) {
    this.#unit = unit;
    const { objectHeader, pointers } = unit.declarations;
    this.#pointers = new Map(pointers.map((pointer) => [pointer.address, pointer]));
    this.#objects = new Map(
      unit.data().map(({ address, bytes }) => [address + objectHeader, bytes.subarray(objectHeader)]),
    );
    const constants = new Map<string, string>();
    for (let i = 0; i < unit.m.getNumGlobals(); i++) {
      const global = unit.b.getGlobalInfo(unit.m.getGlobalByIndex(i));
      const value = global.mutable || global.module !== "" ? undefined : unit.constant(global.init);
      if (value !== undefined) constants.set(global.name, this.#constant(value));
    }
    this.#constants = constants;
  }

  text(fn: DefinedFunction): string {
    return this.#unit.b
      .emitText(fn.body)
      .replace(ABORT_CALL, "$1(call abort\n$2\n$1)")
      .replace(/\(i32\.const (-?\d+)\)/g, (_whole, value: string) => `(${this.#constant(Number(value))})`)
      .replace(/\(global\.get \$([^\s)]+)\)/g, (whole, name: string) => this.#constants.get(name) ?? whole);
  }

  /** Digests of what module-level constants point to, by name. */
  statics(): Record<string, string> {
    const found = [...this.#constants].filter(([, value]) => value.startsWith("static "));
    return Object.fromEntries(found.map(([name, value]) => [name, value.slice("static ".length)]));
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
