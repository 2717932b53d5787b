/**
 * Compiled Wasm → a unit ready for the passes.
 *
 * Contract: bytes, or text with source lines; the caller disposes of `unit.m`. Invariant: which features a module may
 * use, and that names are kept, is decided here alone.
 */
import { features, loadBinaryen } from "./binaryen.ts";
import type { Declarations } from "./declarations.ts";
import { Unit } from "./unit.ts";

export async function readUnit(module: Uint8Array | string, declarations: Declarations): Promise<Unit> {
  const b = await loadBinaryen();
  b.setDebugInfo(true);
  const m = typeof module === "string" ? b.parseText(module, features(b)) : b.readBinary(module, features(b));
  m.setFeatures(features(b));
  return new Unit(b, m, declarations);
}
