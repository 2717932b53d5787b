/** One source, several images: each computes the same, and differs as its name says. */
import { describe, expect, it } from "vitest";
import { boot, buildMini } from "./mini.ts";

const EXPECTED = 14 * 1000 + 49 + 150 + 11;

describe("an image", () => {
  it("without hooks calls directly and has no slots", async () => {
    const image = await buildMini({ hooks: false });
    expect(image.map.functions.every((fn) => fn.slot === 0)).toBe(true);
    const kernel = boot(image);
    for (let entry = 3; entry < kernel.table.length; entry++) kernel.table.set(entry, null);
    expect(kernel.run(7)).toEqual({ result: EXPECTED, sleeps: 2 });
  });

  it("without Asyncify has no frames, and traps when somebody sleeps", async () => {
    const image = await buildMini({ asyncify: "none" });
    expect(image.map.functions.every((fn) => fn.frameSize === 0)).toBe(true);
    expect(image.map.functions.some((fn) => fn.class === "sleepable")).toBe(true);
    const kernel = boot(image);
    expect(kernel.exports["__asyncify_state"]).toBeUndefined();
    expect(() => kernel.run(7)).toThrow(WebAssembly.RuntimeError);
  });

  it("that was not optimised computes the same", async () => {
    expect(boot(await buildMini({ optimizeLevel: 0 })).run(7)).toEqual({ result: EXPECTED, sleeps: 2 });
  });

  it("that is stepped passes a step point before each hooked call, and computes the same", async () => {
    const kernel = boot(await buildMini({ stepped: true }));
    expect(kernel.run(7)).toEqual({ result: EXPECTED, sleeps: 2 });
    // operate() twice with its pointer call; what rewinds again does not step again
    expect(kernel.log.filter((value) => value === 102)).toHaveLength(4);
  });

  it("of a stepped kernel keeps the classes that the source has", async () => {
    const [normal, stepped] = [await buildMini(), await buildMini({ stepped: true })];
    const classes = ({ map }: typeof normal) => map.functions.map((fn) => `${fn.path} ${fn.class}`);
    expect(classes(stepped)).toEqual(classes(normal));
  });
});
