/** Patches tell addresses from numbers by where they lie: the whole kernel shows that no number lies there. */
import { expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../host/toolchain/compile.ts";
import { walk } from "../../host/toolchain/expressions.ts";
import { KERNEL_ENTRIES } from "../../host/toolchain/images.ts";
import { FAR_DATA, isFar } from "../../host/toolchain/passes/addresses.ts";
import { readUnit } from "../../host/toolchain/read-unit.ts";
import { compileSource } from "../../host/toolchain/source-unit.ts";
import type { Unit } from "../../host/toolchain/unit.ts";

const BY = 0x1234560;
const THERE = { root: PACKAGE_ROOT, entries: KERNEL_ENTRIES };

/** Every number in code and static data, in order. */
function numbersOf(unit: Unit): number[] {
  const found: number[] = [];
  for (const fn of unit.functions()) {
    walk(unit.b, fn.body, (expression) => {
      const value = unit.constant(expression);
      if (value !== undefined) found.push(value >>> 0);
    });
  }
  for (const { address, bytes } of unit.data()) {
    found.push(address);
    const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + 4 <= bytes.length; at += 4) found.push(words.getUint32(at, true));
  }
  return found;
}

async function numbersAt(staticData: number, debug: boolean, stepped: boolean): Promise<number[]> {
  const { wasm, declarations } = await compileSource({ ...THERE, debug, stepped }, { staticData });
  const unit = await readUnit(wasm, declarations);
  try {
    return numbersOf(unit);
  } finally {
    unit.m.dispose();
  }
}

it.each([
  ["kernel", false, false],
  ["kernel-debug", true, false],
  ["kernel-stepped", true, true],
])(
  "in %s exactly those numbers lie in far data that move with it",
  async (_name, debug, stepped) => {
    const here = await numbersAt(FAR_DATA, debug, stepped);
    const there = await numbersAt(FAR_DATA + BY, debug, stepped);
    expect(there.length).toBe(here.length);
    const wrong = here.filter((value, index) => there[index] !== (isFar(value) ? value + BY : value));
    expect(wrong).toEqual([]);
    expect(here.filter((value) => isFar(value)).length).toBeGreaterThan(1000);
  },
  60_000,
);
