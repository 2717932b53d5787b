/**
 * A source folder → a unit ready for the passes.
 *
 * Idea: kernel images and patches begin the same way, or their functions could not be compared.
 * Contract: `shift` moves static data by so many bytes; two units that differ in nothing else show which constants are
 * addresses. Invariant: what the source is told (DEBUG, STEPPED, where static data lies) is decided here alone.
 */
import { join } from "node:path";
import { features, loadBinaryen } from "./binaryen.ts";
import { compile } from "./compile.ts";
import { readConstants } from "./constants.ts";
import { annotatedText } from "./locations.ts";
import { Unit } from "./unit.ts";

export interface SourceBuild {
  readonly root: string;
  /** Source files whose exports the module has; `kernel/main.ts` first. */
  readonly entries: readonly string[];
  readonly debug: boolean;
  readonly stepped: boolean;
}

export interface SourceUnit {
  readonly unit: Unit;
  /** The module as text with source lines, or empty when none were asked for. */
  readonly text: string;
  /** The numbers of kernel/layout.ts. */
  readonly layout: ReadonlyMap<string, number>;
}

/** Compiles and reads a module; the caller disposes of `unit.m`. */
export async function sourceUnit(
  build: SourceBuild,
  { lines = false, shift = 0 }: { readonly lines?: boolean; readonly shift?: number } = {},
): Promise<SourceUnit> {
  const layout = await readConstants(join(build.root, "kernel/layout.ts"));
  const { wasm, sourceMap, declarations } = await compile({
    root: build.root,
    entries: build.entries,
    target: "kernel",
    memoryBase: (layout.get("STATIC_DATA") ?? 0) + shift,
    constants: { DEBUG: Number(build.debug), STEPPED: Number(build.stepped) },
  });
  const b = await loadBinaryen();
  b.setDebugInfo(true);
  const text = lines ? await annotatedText(wasm, sourceMap) : "";
  const m = lines ? b.parseText(text, features(b)) : b.readBinary(wasm, features(b));
  m.setFeatures(features(b));
  return { unit: new Unit(b, m, declarations), text, layout };
}
