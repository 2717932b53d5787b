/** What an image says about itself is read back by the engine's own section reader. */
import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { appendSection, decodeData, encodeData } from "../../host/toolchain/sections.ts";

const EMPTY = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

describe("a custom section", () => {
  it("comes back as it was written, whatever its name and size", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 200 }),
        fc.uint8Array({ maxLength: 20_000 }),
        (name, contents) => {
          const label = name.toWellFormed();
          const module = new WebAssembly.Module(appendSection(EMPTY, label, contents));
          expect(new Uint8Array(WebAssembly.Module.customSections(module, label)[0]!)).toEqual(contents);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("of data keeps addresses and bytes", () => {
    const blocks = [
      { address: 602112, bytes: Uint8Array.of(1, 2, 3) },
      { address: 602128, bytes: Uint8Array.of() },
      { address: 0xffff0000, bytes: Uint8Array.of(255) },
    ];
    expect(decodeData(encodeData(blocks).buffer)).toEqual(blocks);
  });
});
