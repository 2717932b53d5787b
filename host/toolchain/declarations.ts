/**
 * What the source says about a module and the compiled bytes do not: decorators, places, function pointers.
 *
 * Idea: an AssemblyScript transform looks at the program after compilation, when every instance has its final name.
 * Contract: keys are the compiler's internal names, which are also the names in the module.
 * Invariant: a function pointer is the address of a static record {table index, environment}; its address is taken
 * from the compiler and never guessed from data.
 */

export interface FunctionDeclaration {
  /** `kernel/sched/core/schedule`; instances of generics end in `<i32>`, methods hold a `#`. */
  readonly name: string;
  readonly decorators: readonly string[];
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A static function record: where it lies, and which function it stands for. */
export interface FunctionPointer {
  readonly address: number;
  readonly slot: number;
  readonly name: string;
  /** The compiler put a stub in front that fills in optional parameters. */
  readonly optionalParameters: boolean;
}

export interface Declarations {
  readonly functions: ReadonlyMap<string, FunctionDeclaration>;
  /** Decorators of module-level variables, by internal name. */
  readonly globals: ReadonlyMap<string, readonly string[]>;
  /** Types of module-level variables, by internal name. */
  readonly types: ReadonlyMap<string, string>;
  /** Where variables and classes stand in the source, `kernel/fs/pipe.ts:21`, by internal name. */
  readonly places: ReadonlyMap<string, string>;
  readonly pointers: readonly FunctionPointer[];
  /** Where a class keeps its fields: `page:0:usize offset:4:i32 size:8`; by internal name. */
  readonly layouts: ReadonlyMap<string, string>;
  /** Bytes in front of every static object that belong to the compiler's own header. */
  readonly objectHeader: number;
}

interface AscDeclaration {
  readonly decorators?: readonly { readonly name: { readonly text?: string } }[] | null;
  readonly range: {
    readonly start: number;
    readonly source: { readonly normalizedPath: string; lineAt(position: number): number; columnAt(): number };
  };
  readonly name?: { readonly range: AscDeclaration["range"] };
}

interface AscElement {
  readonly internalName: string;
  readonly declaration?: AscDeclaration;
  readonly memorySegment?: { readonly buffer: Uint8Array; readonly offset: bigint | number | { low: number } } | null;
  readonly varargsStub?: unknown;
  /** Variables. */
  readonly type?: { toString(): string };
  /** Classes: the finished versions, one unless the class is generic. */
  readonly instances?: ReadonlyMap<string, AscElement> | null;
  readonly members?: ReadonlyMap<string, AscField> | null;
  readonly nextMemoryOffset?: number;
}

interface AscField {
  /** Fields are properties with a place; a place below zero is none. */
  readonly instance?: { readonly memoryOffset?: number; readonly type?: { toString(): string } } | null;
}

interface AscProgram {
  readonly instancesByName: ReadonlyMap<string, AscElement>;
  readonly elementsByName: ReadonlyMap<string, AscElement>;
  readonly totalOverhead: number;
}

const decoratorsOf = (declaration: AscDeclaration | undefined): string[] =>
  (declaration?.decorators ?? []).map((decorator) => decorator.name.text ?? "");

const placeOf = (declaration: AscDeclaration): string => {
  const { start, source } = (declaration.name ?? declaration).range;
  return `${source.normalizedPath}:${source.lineAt(start)}`;
};

const toNumber = (offset: bigint | number | { low: number }): number =>
  typeof offset === "object" ? offset.low : Number(offset);

function layoutOf(instance: AscElement): string {
  const fields = [...(instance.members ?? [])].flatMap(([name, { instance: field }]) =>
    field?.memoryOffset === undefined || field.memoryOffset < 0 ? [] : [`${name}:${field.memoryOffset}:${field.type}`],
  );
  return [...fields, `size:${instance.nextMemoryOffset}`].join(" ");
}

/** A transform for `asc` with the declarations of the program it has seen compiled. */
export class DeclarationCollector {
  #program: AscProgram | undefined;
  #collected: Declarations | undefined;

  afterInitialize(program: unknown): void {
    this.#program = program as AscProgram;
  }

  afterCompile(): void {
    const program = this.#program;
    if (!program) return;
    const functions = new Map<string, FunctionDeclaration>();
    const pointers: FunctionPointer[] = [];
    for (const [name, element] of program.instancesByName) {
      const { declaration, memorySegment } = element;
      if (!declaration) continue;
      const { range } = declaration.name ?? declaration;
      functions.set(name, {
        name,
        decorators: decoratorsOf(declaration),
        file: range.source.normalizedPath,
        line: range.source.lineAt(range.start),
        column: range.source.columnAt(),
      });
      if (memorySegment) {
        const record = new DataView(memorySegment.buffer.buffer, memorySegment.buffer.byteOffset);
        pointers.push({
          address: toNumber(memorySegment.offset) + program.totalOverhead,
          slot: record.getUint32(program.totalOverhead, true),
          name,
          optionalParameters: Boolean(element.varargsStub),
        });
      }
    }
    const globals = new Map<string, readonly string[]>();
    const layouts = new Map<string, string>();
    const places = new Map<string, string>();
    const types = new Map<string, string>();
    for (const [name, element] of program.elementsByName) {
      if (!functions.has(name)) globals.set(name, decoratorsOf(element.declaration));
      if (element.type) types.set(name, String(element.type));
      if (element.declaration) places.set(name, placeOf(element.declaration));
      for (const instance of element.instances?.values() ?? []) {
        if (instance.nextMemoryOffset === undefined || instance.internalName.startsWith("~")) continue;
        layouts.set(instance.internalName, layoutOf(instance));
      }
    }
    this.#collected = { functions, globals, types, places, pointers, layouts, objectHeader: program.totalOverhead };
  }

  get declarations(): Declarations {
    if (!this.#collected) throw new Error("the compiler stopped before its program was complete");
    return this.#collected;
  }
}

/** For a module that no AssemblyScript source stands behind. */
export const NO_DECLARATIONS: Declarations = {
  functions: new Map(),
  globals: new Map(),
  types: new Map(),
  places: new Map(),
  pointers: [],
  layouts: new Map(),
  objectHeader: 0,
};
