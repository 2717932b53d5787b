/**
 * A source folder → a unit ready for the passes.
 *
 * Idea: kernel images and patches begin the same way, or their functions could not be compared.
 * Contract: `shift` moves static data by so many bytes; two units that differ in nothing else show which constants are
 * addresses. Invariant: what the source is told (DEBUG, STEPPED, where static data lies) is decided here alone.
 */
import { join } from "node:path";
import { compile } from "./compile.ts";
import type { Compiled } from "./compile.ts";
import { readConstants } from "./constants.ts";
import { readUnit } from "./read-unit.ts";
import type { Unit } from "./unit.ts";

export interface SourceBuild {
  readonly root: string;
  /** Source files whose exports the module has; `kernel/main.ts` first. */
  readonly entries: readonly string[];
  readonly debug: boolean;
  readonly stepped: boolean;
}

export interface SourceUnit {
  readonly unit: Unit;
  /** The numbers of kernel/layout.ts. */
  readonly layout: ReadonlyMap<string, number>;
}

/** Compiles and reads a module; the caller disposes of `unit.m`. */
export async function sourceUnit(build: SourceBuild, shift = 0): Promise<SourceUnit> {
  const { wasm, declarations, layout } = await compileSource(build, { shift });
  return { unit: await readUnit(wasm, declarations), layout };
}

export interface CompiledSource extends Compiled {
  readonly layout: SourceUnit["layout"];
}

/** `lines` asks for text with source lines. */
export async function compileSource(
  build: SourceBuild,
  { lines = false, shift = 0 }: { readonly lines?: boolean; readonly shift?: number },
): Promise<CompiledSource> {
  const layout = await readConstants(join(build.root, "kernel/layout.ts"));
  const compiled = await compile({
    root: build.root,
    entries: build.entries,
    target: "kernel",
    memoryBase: (layout.get("STATIC_DATA") ?? 0) + shift,
    constants: { DEBUG: Number(build.debug), STEPPED: Number(build.stepped) },
    lines,
  });
  return { ...compiled, layout };
}
