/**
 * A source folder → a unit ready for the passes.
 *
 * Idea: kernel images and patches begin the same way, or their functions could not be compared.
 * Contract: `compileSource` for an image, `sourceUnit` for what is linked to one. Invariant: what the source is told (DEBUG, STEPPED, where static data lies) is decided here alone.
 */
import { join } from "node:path";
import { compile } from "./compile.ts";
import type { Compiled } from "./compile.ts";
import { readConstants } from "./constants.ts";
import { FAR_DATA } from "./passes/addresses.ts";
import { readUnit } from "./read-unit.ts";
import type { Unit } from "./unit.ts";

export interface SourceBuild {
  readonly root: string;
  /** Source files whose exports the module has; `kernel/main.ts` first. */
  readonly entries: readonly string[];
  readonly debug: boolean;
  readonly stepped: boolean;
}

/** As asconfig.json has it; the passes leave it to the kernel. */
const MOST_PAGES = 65536;

export interface SourceUnit {
  readonly unit: Unit;
  /** The numbers of kernel/layout.ts. */
  readonly layout: ReadonlyMap<string, number>;
}

/** Compiles and reads what is to be part of a kernel that is there already; the caller disposes of `unit.m`. */
export async function sourceUnit(build: SourceBuild): Promise<SourceUnit> {
  const { wasm, declarations, layout } = await compileSource(build, { staticData: FAR_DATA });
  return { unit: await readUnit(wasm, declarations), layout };
}

export interface CompiledSource extends Compiled {
  readonly layout: SourceUnit["layout"];
}

/** `lines` asks for text with source lines; `staticData` is where that lies, if not where layout.ts says. */
export async function compileSource(
  build: SourceBuild,
  { lines = false, staticData }: { readonly lines?: boolean; readonly staticData?: number },
): Promise<CompiledSource> {
  const layout = await readConstants(join(build.root, "kernel/layout.ts"));
  const compiled = await compile({
    root: build.root,
    entries: build.entries,
    target: "kernel",
    memoryBase: staticData ?? layout.get("STATIC_DATA") ?? 0,
    ...(staticData === undefined ? {} : { pages: MOST_PAGES }),
    constants: { DEBUG: Number(build.debug), STEPPED: Number(build.stepped) },
    lines,
  });
  return { ...compiled, layout };
}
