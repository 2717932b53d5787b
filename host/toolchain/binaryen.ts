/**
 * The part of binaryen.js that the toolchain uses, with types that match what is there at run time.
 *
 * Idea: the package's own declarations name functions that do not exist and miss some that do, so every use goes
 * through the interfaces below. Contract: binaryen is imported on first use only (15 MB, about a second).
 * Invariant: pass arguments and levels are global to the process, so they are set and cleared in
 * `withPasses` alone; two builds never interleave between its braces because it is synchronous.
 */

/** A node of a function body. */
export type Expression = number;
/** A function of a module. */
export type FunctionRef = number;
/** A value type, or a tuple of them. */
export type Type = number;

export interface FunctionInfo {
  readonly name: string;
  /** Empty for a function that the module defines itself. */
  readonly module: string;
  readonly base: string;
  readonly params: Type;
  readonly results: Type;
  readonly vars: Type[];
  readonly body: Expression;
}

export interface GlobalInfo {
  readonly name: string;
  readonly module: string;
  readonly base: string;
  readonly type: Type;
  readonly mutable: boolean;
  readonly init: Expression;
}

export interface DataSegment {
  readonly name: string;
  readonly offset: number | null;
  readonly data: ArrayBuffer;
  readonly passive: boolean;
}

interface Arithmetic {
  const(value: number): Expression;
  load(offset: number, align: number, address: Expression): Expression;
  store(offset: number, align: number, address: Expression, value: Expression): Expression;
  add(left: Expression, right: Expression): Expression;
  sub(left: Expression, right: Expression): Expression;
  and(left: Expression, right: Expression): Expression;
  or(left: Expression, right: Expression): Expression;
  eq(left: Expression, right: Expression): Expression;
  ne(left: Expression, right: Expression): Expression;
  gt_u(left: Expression, right: Expression): Expression;
  eqz(value: Expression): Expression;
}

interface WordArithmetic extends Arithmetic {
  shr_u(left: Expression, right: Expression): Expression;
  load8_u(offset: number, align: number, address: Expression): Expression;
  xor(left: Expression, right: Expression): Expression;
}

export interface Module {
  readonly ptr: number;
  readonly i32: WordArithmetic;
  readonly i64: Arithmetic;
  readonly f32: Arithmetic;
  readonly f64: Arithmetic;
  readonly local: {
    get(index: number, type: Type): Expression;
    set(index: number, value: Expression): Expression;
    tee(index: number, value: Expression, type: Type): Expression;
  };
  readonly global: { get(name: string, type: Type): Expression; set(name: string, value: Expression): Expression };
  block(label: string | null, children: readonly Expression[], type?: Type): Expression;
  br(label: string, condition?: Expression, value?: Expression): Expression;
  if(condition: Expression, then: Expression, otherwise?: Expression): Expression;
  call(name: string, operands: readonly Expression[], type: Type): Expression;
  call_indirect(
    table: string,
    target: Expression,
    operands: readonly Expression[],
    params: Type,
    results: Type,
  ): Expression;
  return_call(name: string, operands: readonly Expression[], returns: Type): Expression;
  return_call_indirect(
    table: string,
    target: Expression,
    operands: readonly Expression[],
    params: Type,
    results: Type,
  ): Expression;
  readonly table: {
    get(table: string, index: Expression, type: Type): Expression;
    set(table: string, index: Expression, value: Expression): Expression;
  };
  drop(value: Expression): Expression;
  return(value?: Expression): Expression;
  nop(): Expression;
  unreachable(): Expression;

  getNumFunctions(): number;
  getFunctionByIndex(index: number): FunctionRef;
  getFunction(name: string): FunctionRef;
  addFunction(name: string, params: Type, results: Type, vars: readonly Type[], body: Expression): FunctionRef;
  removeFunction(name: string): void;
  addFunctionImport(name: string, module: string, base: string, params: Type, results: Type): void;
  getNumGlobals(): number;
  getGlobalByIndex(index: number): number;
  getGlobal(name: string): number;
  addGlobal(name: string, type: Type, mutable: boolean, init: Expression): number;
  removeGlobal(name: string): void;
  addGlobalImport(name: string, module: string, base: string, type: Type, mutable: boolean): void;
  getNumExports(): number;
  getExportByIndex(index: number): number;
  removeExport(name: string): void;
  addFunctionExport(internal: string, external: string): number;
  addTableExport(internal: string, external: string): number;
  addTableImport(name: string, module: string, base: string): void;
  addGlobalExport(internal: string, external: string): number;
  getNumTables(): number;
  getTableByIndex(index: number): number;
  addTable(name: string, initial: number, maximum: number): number;
  addActiveElementSegment(table: string, name: string, functions: readonly string[], offset: Expression): number;
  getNumElementSegments(): number;
  getElementSegmentByIndex(index: number): number;
  removeElementSegment(name: string): void;
  getNumDataSegments(): number;
  getDataSegmentByIndex(index: number): number;
  getDataSegmentInfo(segment: number): DataSegment;
  hasMemory(): boolean;
  getMemoryInfo(name?: string): { module: string; base: string; initial: number; max?: number; shared: boolean };
  setMemory(
    initial: number,
    maximum: number,
    exported: string | null,
    segments: readonly never[],
    shared: boolean,
    memory64: boolean,
    name: string,
  ): void;
  addMemoryImport(name: string, module: string, base: string, shared: boolean): void;
  getStart(): FunctionRef;
  getFeatures(): number;
  setFeatures(features: number): void;
  addDebugInfoFileName(name: string): number;
  getDebugInfoFileName(index: number): string | null;
  setDebugLocation(fn: FunctionRef, expression: Expression, file: number, line: number, column: number): void;
  copyExpression(expression: Expression): Expression;
  runPasses(passes: readonly string[]): void;
  runPassesOnFunction(name: string, passes: readonly string[]): void;
  validate(): number;
  emitText(): string;
  emitBinary(): Uint8Array<ArrayBuffer>;
  emitBinary(sourceMapUrl: string): { binary: Uint8Array<ArrayBuffer>; sourceMap: string };
  dispose(): void;
}

/** A typed view on one expression; the properties a kind has are listed in expressions.ts. */
export type NodeView = Record<string, number | string | boolean> & {
  numOperands?: number;
  numChildren?: number;
  getOperandAt(index: number): Expression;
  setOperandAt(index: number, value: Expression): void;
  getChildAt(index: number): Expression;
  setChildAt(index: number, value: Expression): void;
  insertChildAt(index: number, value: Expression): void;
  finalize(): void;
};

export interface Binaryen {
  readonly none: Type;
  readonly funcref: Type;
  readonly i32: Type;
  readonly i64: Type;
  readonly f32: Type;
  readonly f64: Type;
  readonly v128: Type;
  readonly unreachable: Type;
  readonly Module: new () => Module;
  readonly Table: new (table: number) => { readonly name: string; initial: number; setMax(maximum: number): void };
  readonly Function: { setBody(fn: FunctionRef, body: Expression): void };
  readonly ExternalFunction: number;
  readonly ExternalTable: number;
  readonly ExternalMemory: number;
  readonly ExternalGlobal: number;
  readonly Features: Readonly<Record<string, number>>;
  readBinary(bytes: Uint8Array, features: number): Module;
  parseText(text: string, features: number): Module;
  emitText(expression: Expression): string;
  getExpressionId(expression: Expression): number;
  getExpressionType(expression: Expression): Type;
  getFunctionInfo(fn: FunctionRef): FunctionInfo;
  getGlobalInfo(global: number): GlobalInfo;
  getExportInfo(exported: number): { kind: number; name: string; value: string };
  getTableInfo(table: number): { name: string; module: string; base: string };
  getElementSegmentInfo(segment: number): { name: string; table: string; offset: Expression; data: string[] };
  expandType(type: Type): Type[];
  createType(types: readonly Type[]): Type;
  setDebugInfo(on: boolean): void;
  setOptimizeLevel(level: number): void;
  setShrinkLevel(level: number): void;
  setPassArgument(name: string, value: string): void;
  clearPassArguments(): void;
  _BinaryenFunctionAddVar(fn: FunctionRef, type: Type): number;
  readonly [name: string]: unknown;
}

let loaded: Promise<Binaryen> | undefined;

/** Imports binaryen, once per process. */
export function loadBinaryen(): Promise<Binaryen> {
  loaded ??= import("binaryen").then((module) => acquainted(module.default as unknown as Binaryen));
  return loaded;
}

/** Passes that nobody asks for; see `acquainted`. */
const STRANGE_PASSES = [
  "gufa",
  "dae",
  "inlining-optimizing",
  "generate-global-effects",
  "monomorphize",
  "memory-packing",
];

/**
 * Binaryen's glue keeps the callbacks it has met in an array by number, and V8 makes a hash table of that as long as it
 * is sparse: in Binaryen 132 the passes of an image meet 1,342 of 13,867, and 1,366 make it an array. Passes over next to
 * nothing add 200 (an image: 14 % less time).
 */
function acquainted(b: Binaryen): Binaryen {
  const m = new b.Module();
  const result = b.createType([b.i32]);
  m.addFunction("f", result, b.i32, [], m.local.get(0, b.i32));
  m.addFunctionExport("f", "f");
  m.runPasses(STRANGE_PASSES);
  m.dispose();
  return b;
}

/** What Node 20 runs. `Features.All` would emit encodings that it refuses. */
export function features(b: Binaryen): number {
  const names = [
    "Atomics",
    "BulkMemory",
    "BulkMemoryOpt",
    "MutableGlobals",
    "SignExt",
    "NontrappingFPToInt",
    "ReferenceTypes",
    "TailCall",
  ];
  return names.reduce((sum, name) => sum | (b.Features[name] ?? 0), 0);
}

export interface PassOptions {
  readonly optimizeLevel: number;
  readonly arguments?: Readonly<Record<string, string>>;
}

/** Runs `work` with these pass settings in force, and with none of them before or after. */
export function withPasses(b: Binaryen, options: PassOptions, work: () => void): void {
  const reset = (): void => {
    b.clearPassArguments();
    b.setOptimizeLevel(0);
    b.setShrinkLevel(0);
    b.setDebugInfo(true);
  };
  reset();
  b.setOptimizeLevel(options.optimizeLevel);
  for (const [name, value] of Object.entries(options.arguments ?? {})) b.setPassArgument(name, value);
  try {
    work();
  } finally {
    reset();
  }
}
