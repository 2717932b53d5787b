/** The whole pipeline on a kernel with one task: it sleeps inside a call chain, behind a pointer, and resumes. */
import { readFile } from "node:fs/promises";
import { SourceMap } from "node:module";
import { beforeAll, describe, expect, it } from "vitest";
import type { KernelImage } from "../../host/toolchain/image.ts";
import { readData, readMap } from "../../host/toolchain/image.ts";
import { boot, buildMini, MINI_ROOT, REGION_WORD } from "./mini.ts";

/** task(7): 14 * 1000 + 49 + 150 odd turns + 11 letters. */
const EXPECTED = 14 * 1000 + 49 + 150 + 11;

describe("a kernel image", () => {
  let image: KernelImage;
  beforeAll(async () => {
    image = await buildMini({ mapName: "mini.wasm.map" });
  });
  const row = (name: string) => image.map.functions.find((fn) => fn.name === name)!;

  it("sleeps inside a call chain, also behind a pointer, and resumes with the same result", () => {
    expect(boot(image).run(7)).toEqual({ result: EXPECTED, sleeps: 2 });
  });

  it("carries its map and its static data inside", () => {
    const module = new WebAssembly.Module(image.wasm);
    expect(readMap(module)).toEqual(image.map);
    expect(readData(module)).toEqual(image.data);
  });

  it("writes no static data when it is instantiated", () => {
    const bytes = new Uint8Array(image.data[0]!.bytes);
    expect(bytes.some((byte) => byte !== 0)).toBe(true);
    const empty = boot({ ...image, data: [] });
    expect(
      [...new Uint8Array(empty.words.buffer, image.data[0]!.address, bytes.length)].every((byte) => byte === 0),
    ).toBe(true);
  });

  it("shows a sleeping task's frames by id, from the stack position down", () => {
    const kernel = boot(image);
    kernel.call("begin", 7);
    const names = [];
    for (let at = kernel.words[1024 / 4]!; at > 2048;) {
      const frame = image.map.functions[kernel.words[at / 4 - 1]! - 1]!;
      names.push(frame.name);
      at -= frame.frameSize;
    }
    expect(names).toEqual(["task", "operate", "slow_square"]);
  });

  it("gives slots to patchable functions only, and keeps those of function pointers", () => {
    expect(row("double")).toMatchObject({ slot: 1, class: "atomic", kind: "patchable", frameSize: 0 });
    expect(row("slow_square")).toMatchObject({ slot: 2, class: "sleepable", kind: "patchable" });
    expect(row("context_switch")).toMatchObject({ slot: 0, class: "sleepable", kind: "notrace", frameSize: 0 });
    expect(row("begin")).toMatchObject({ slot: 0, class: "atomic", kind: "bare" });
    expect(row("task").slot).toBeGreaterThan(2);
  });

  it("has one row per function: id, name, signature, body, source position", async () => {
    const { functions } = image.map;
    expect(functions.map(({ id }) => id)).toEqual(functions.map((_, index) => index + 1));
    const lines = (await readFile(`${MINI_ROOT}/kernel/main.ts`, "utf8")).split("\n");
    for (const { name, file, line } of functions.filter(({ kind }) => kind === "patchable")) {
      expect(file, name).toBe("kernel/main.ts");
      expect(lines[line - 1], name).toContain(`function ${name}(`);
    }
    expect(row("slow_square")).toMatchObject({ path: "kernel/main/slow_square", signature: "(i32)->i32", sympos: 1 });
    expect(row("slow_square").frameSize).toBeGreaterThan(0);
    expect(new Set([row("double"), row("slow_square"), row("task")].map(({ bodyHash }) => bodyHash)).size).toBe(3);
  });

  it("has slots, originals, slow stubs and trace stubs in regions of one stride", () => {
    const { table } = boot(image);
    const { stride } = image.map;
    expect(table.length).toBe(4 * stride);
    expect(table.get(0)).toBeNull();
    for (const { slot } of image.map.functions.filter((fn) => fn.slot > 0)) {
      expect(table.get(slot)).toBe(table.get(stride + slot));
      expect(table.get(2 * stride + slot)).not.toBe(table.get(slot));
      expect(table.get(3 * stride + slot)).toBeInstanceOf(Function);
    }
    expect(() => table.grow(1)).not.toThrow();
  });

  it("calls a patchable function through its slot, so that swapping the entry replaces it", () => {
    const kernel = boot(image);
    kernel.table.set(row("slow_square").slot, kernel.table.get(row("double").slot));
    expect(kernel.run(7).result).toBe(14 * 1000 + 14 + 150 + 11);
  });

  it("has slow stubs that ask which version to run, and run it through sleeps", () => {
    const kernel = boot(image);
    const { stride } = image.map;
    for (const { slot } of image.map.functions.filter((fn) => fn.slot > 0))
      kernel.table.set(slot, kernel.table.get(2 * stride + slot));
    kernel.words[REGION_WORD] = stride;
    expect(kernel.run(7)).toEqual({ result: EXPECTED, sleeps: 2 });
  });

  it("has trace stubs that report each call once, however often it sleeps", () => {
    const kernel = boot(image);
    const { stride } = image.map;
    const { slot } = row("slow_square");
    kernel.table.set(slot, kernel.table.get(3 * stride + slot));
    kernel.words[REGION_WORD] = stride;
    expect(kernel.run(7).result).toBe(EXPECTED);
    expect(kernel.log.filter((value) => value >= 1000)).toEqual([1000 + slot, 2000 + slot]);
  });

  it("visits a safepoint once in 256 turns of a loop that may sleep", () => {
    const kernel = boot(image);
    kernel.run(7);
    expect(kernel.log.filter((value) => value === 1)).toHaveLength(1);
  });

  it("goes to stack_end_hit before it writes past the end of a stack, and to the end exactly without", () => {
    const enough = row("slow_square").frameSize + row("operate").frameSize + row("task").frameSize;
    const fits = boot(image);
    fits.call("begin_on", 7, enough);
    expect(fits.log).not.toContain(2);
    expect(fits.words[1024 / 4]).toBe(2048 + enough);

    const tight = boot(image);
    const end = (2048 + enough - 4) / 4;
    tight.words[end] = 12345;
    tight.call("begin_on", 7, enough - 4);
    expect(tight.log).toContain(2);
    expect(tight.words[end]).toBe(12345);
    expect(tight.words[1024 / 4]).toBe(4096 + row("task").frameSize);
  });

  it("maps the call of a hooked function to its source line", async () => {
    const lines = (await readFile(`${MINI_ROOT}/kernel/main.ts`, "utf8")).split("\n");
    const map = new SourceMap(JSON.parse(image.sourceMap));
    const kernel = boot(image);
    kernel.table.set(row("operate").slot, null);
    let stack = "";
    try {
      kernel.call("begin", 7);
    } catch (error) {
      stack = (error as Error).stack ?? "";
    }
    const offset = Number(/kernel\/main\/task[^\n]*:(0x[0-9a-f]+)/.exec(stack)?.[1]);
    expect(map.findEntry(0, offset)).toMatchObject({
      originalSource: "kernel/main.ts",
      originalLine: lines.findIndex((line) => line.includes("operate(0, value)")),
    });
  });

  it("is built the same way twice", async () => {
    expect((await buildMini({ mapName: "mini.wasm.map" })).map).toEqual(image.map);
  });
});
