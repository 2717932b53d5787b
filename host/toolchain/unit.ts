/**
 * A module under construction, with what the compiler knew about it.
 *
 * Idea: passes get one object: the Binaryen module, the declarations from the source, and a few look-ups.
 * Contract: functions are named as AssemblyScript names them, `kernel/sched/core/schedule`.
 * Invariant: `functions()` lists what the module defines now; a pass that adds functions sees them at once.
 */
import type { Binaryen, Expression, FunctionInfo, FunctionRef, Module, Type } from "./binaryen.ts";
import type { Declarations, FunctionDeclaration } from "./declarations.ts";
import { children, kindOf, view } from "./expressions.ts";

/** Imports that stand for addresses of static data until a patch is placed; see passes/addresses.ts. */
export const ADDRESS_MODULE = "address";
export const ADDRESS_PREFIX = "at:";

export interface DefinedFunction extends FunctionInfo {
  readonly ref: FunctionRef;
}

export class Unit {
  readonly b: Binaryen;
  readonly m: Module;
  readonly declarations: Declarations;

  constructor(b: Binaryen, m: Module, declarations: Declarations) {
    this.b = b;
    this.m = m;
    this.declarations = declarations;
  }

  /** Functions with a body, in the module's order. */
  functions(): DefinedFunction[] {
    return this.#all().filter((fn) => fn.module === "");
  }

  imports(): DefinedFunction[] {
    return this.#all().filter((fn) => fn.module !== "");
  }

  #all(): DefinedFunction[] {
    const found: DefinedFunction[] = [];
    for (let i = 0; i < this.m.getNumFunctions(); i++) {
      const ref = this.m.getFunctionByIndex(i);
      found.push({ ref, ...this.b.getFunctionInfo(ref) });
    }
    return found;
  }

  /** The source's word on a function; undefined for generated ones. */
  declaration(name: string): FunctionDeclaration | undefined {
    // Function types in the names of generic instances are escaped in the module: `f<%28i32%29=>void>`.
    const written = name.replace(/%([0-9a-f]{2})/gi, (_whole, code: string) => String.fromCharCode(parseInt(code, 16)));
    return this.declarations.functions.get(written);
  }

  has(name: string, decorator: string): boolean {
    return this.declaration(name)?.decorators.includes(decorator) ?? false;
  }

  /** Runs without a task's stack: it may neither sleep nor be stepped. */
  isBare(name: string): boolean {
    return this.has(name, "bare");
  }

  /** Owns a slot, so that patches and tracing reach it. Methods, library and generated functions do not. */
  isPatchable(name: string): boolean {
    const declared = this.declaration(name);
    if (!declared || declared.name.includes("#") || name.startsWith("~")) return false;
    return !declared.decorators.includes("notrace") && !declared.decorators.includes("bare");
  }

  /** The last part of a name: `schedule` for `kernel/sched/core/schedule`. */
  shortName(name: string): string {
    const generic = name.indexOf("<");
    const stem = generic < 0 ? name : name.slice(0, generic);
    return name.slice(stem.lastIndexOf("/") + 1);
  }

  /** A function, variable or class with its place in the source, as far as that is known. */
  described(name: string): string {
    const declared = this.declaration(name);
    const place = declared ? `${declared.file}:${declared.line}` : this.declarations.places.get(name);
    return place === undefined ? name : `${name} (${place})`;
  }

  /** `(i32,f64)->i32`, or `(i32)` when nothing is returned. */
  signature(fn: { params: Type; results: Type }): string {
    const results = this.#types(fn.results);
    return `(${this.#types(fn.params)})${results === "" ? "" : `->${results}`}`;
  }

  #types(type: Type): string {
    const { b } = this;
    const names = new Map<Type, string>([
      [b.i32, "i32"],
      [b.i64, "i64"],
      [b.f32, "f32"],
      [b.f64, "f64"],
    ]);
    return b
      .expandType(type)
      .map((one) => names.get(one) ?? `type ${one}`)
      .join(",");
  }

  setBody(fn: DefinedFunction, body: Expression): void {
    this.b.Function.setBody(fn.ref, body);
  }

  /** Adds a local variable and returns its index. */
  addLocal(fn: DefinedFunction, type: Type): number {
    return this.b._BinaryenFunctionAddVar(fn.ref, type);
  }

  /** The value of an `i32` expression that is a constant, directly or through an immutable global. */
  constant(expression: Expression): number | undefined {
    const kind = kindOf(this.b, expression);
    if (kind === "Const") {
      return this.b.getExpressionType(expression) === this.b.i32
        ? (view(this.b, expression)["valueI32"] as number)
        : undefined;
    }
    if (kind !== "GlobalGet") return undefined;
    const global = this.b.getGlobalInfo(this.m.getGlobal(view(this.b, expression)["name"] as string));
    if (global.module === ADDRESS_MODULE) return Number(global.base);
    return global.mutable || global.module !== "" ? undefined : this.constant(global.init);
  }

  /** The largest constant term of an address: `base` in `base + index`. */
  constantBase(expression: Expression): number | undefined {
    const own = this.constant(expression);
    if (own !== undefined) return own;
    if (kindOf(this.b, expression) !== "Binary" || view(this.b, expression)["op"] !== this.b["AddInt32"])
      return undefined;
    const terms = children(this.b, expression).map((child) => this.constantBase(child.value));
    return terms.reduce((most, term) => (most === undefined || (term ?? 0) > most ? term : most), undefined);
  }

  /** Active data segments as address and bytes. */
  data(): { address: number; bytes: Uint8Array<ArrayBuffer> }[] {
    const found = [];
    for (let i = 0; i < this.m.getNumDataSegments(); i++) {
      const segment = this.m.getDataSegmentInfo(this.m.getDataSegmentByIndex(i));
      if (segment.offset !== null) found.push({ address: segment.offset, bytes: new Uint8Array(segment.data) });
    }
    return found.toSorted((left, right) => left.address - right.address);
  }
}
