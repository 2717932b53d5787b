/**
 * Fixtures for one pass: a module as text, with what the compiler would know in lines that start with `;;!`.
 *
 *   ;;! function kernel/a/f @sleeps        ;;! global kernel/a/x @percpu
 *   ;;! pointer 8192 1 kernel/a/f          ;;! header 20
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { features, loadBinaryen } from "../../host/toolchain/binaryen.ts";
import type { Declarations, FunctionDeclaration, FunctionPointer } from "../../host/toolchain/declarations.ts";
import { Unit } from "../../host/toolchain/unit.ts";

const FOLDER = fileURLToPath(new URL("fixtures/passes/", import.meta.url));

/** A unit of a module's text and its `;;!` lines. */
export async function unitOf(text: string): Promise<Unit> {
  const b = await loadBinaryen();
  b.setDebugInfo(true);
  const m = b.parseText(text, features(b));
  m.setFeatures(features(b));
  return new Unit(b, m, declarationsOf(text));
}

function declarationsOf(text: string): Declarations {
  const functions = new Map<string, FunctionDeclaration>();
  const globals = new Map<string, readonly string[]>();
  const pointers: FunctionPointer[] = [];
  let objectHeader = 0;
  for (const [, what, rest] of text.matchAll(/^;;! (\w+) (.*)$/gm)) {
    const words = (rest ?? "").split(" ");
    const decorators = words.filter((word) => word.startsWith("@")).map((word) => word.slice(1));
    const [first = "", second = "", third = "", fourth] = words;
    if (what === "function") functions.set(first, { name: first, decorators, file: "a.ts", line: 1, column: 1 });
    if (what === "global") globals.set(first, decorators);
    if (what === "header") objectHeader = Number(first);
    if (what === "pointer") {
      pointers.push({
        address: Number(first),
        slot: Number(second),
        name: third,
        optionalParameters: fourth === "optional",
      });
    }
  }
  return { functions, globals, places: new Map(), pointers, layouts: new Map(), types: new Map(), objectHeader };
}

/** Runs `pass` on `<name>.wat` and compares the outcome with `<name>.after.wat`, which is there to be read. */
export async function expectPass(name: string, pass: (unit: Unit) => void): Promise<void> {
  const unit = await unitOf(await readFile(`${FOLDER}${name}.wat`, "utf8"));
  pass(unit);
  expect(unit.m.validate()).toBe(1);
  await expect(unit.m.emitText()).toMatchFileSnapshot(`${FOLDER}${name}.after.wat`);
}
