/**
 * Pass `finish`: optimise, check, write.
 *
 * Problem   the optimiser's own list merges equal functions and turns indirect calls back into direct ones; Binaryen
 *           aborts the process when it writes an invalid module.
 * Example   `sys_getuid` and `sys_getgid` with equal bodies must stay two functions that can be patched apart.
 * Emitted   the module, optimised by passes that change one function at a time, behind one round of inlining, with names
 *           and a source map.
 * Invariant bytes that leave here were accepted by Binaryen's validator and by the engine's.
 */
import { MachineError } from "../../errors.ts";
import { withPasses } from "../binaryen.ts";
import type { Unit } from "../unit.ts";

/**
 * Binaryen's own passes of level 2, once over: its list comes back to each function that something was inlined into.
 * Those that it does twice are done once where the second time made the kernel smaller by less than a thousandth.
 */
const PASSES = [
  "inlining",
  "dce",
  "remove-unused-names",
  "remove-unused-brs",
  "remove-unused-names",
  "optimize-instructions",
  "pick-load-signs",
  "precompute",
  "code-pushing",
  "remove-unused-brs",
  "simplify-locals",
  "vacuum",
  "reorder-locals",
  "coalesce-locals",
  "reorder-locals",
  "vacuum",
  "merge-blocks",
  "remove-unused-brs",
  "remove-unused-names",
  "merge-blocks",
  "rse",
  "vacuum",
  "remove-unused-module-elements",
];

export function finish(
  unit: Unit,
  optimizeLevel: number,
  mapName: string,
): { wasm: Uint8Array<ArrayBuffer>; sourceMap: string } {
  const { b, m } = unit;
  check(unit, m.validate() !== 0, "Binaryen does");
  let written = { binary: new Uint8Array(), sourceMap: "" };
  withPasses(b, { optimizeLevel }, () => {
    if (optimizeLevel > 0) m.runPasses(PASSES);
    if (mapName === "") written.binary = m.emitBinary();
    else written = m.emitBinary(mapName);
  });
  check(unit, WebAssembly.validate(written.binary), "this engine does");
  return { wasm: written.binary, sourceMap: written.sourceMap };
}

function check(unit: Unit, valid: boolean, who: string): void {
  if (valid) return;
  throw new MachineError(
    "INVALID_MODULE",
    `the passes left a module of ${unit.functions().length} functions that ${who} not accept`,
    "This is a fault of the toolchain: the validator's complaint above names the function.",
  );
}
