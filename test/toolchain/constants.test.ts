/** layout.ts and abi.ts are read as text, by the rules that both compilers share. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as abi from "../../kernel/abi.ts";
import * as layout from "../../kernel/layout.ts";
import { PACKAGE_ROOT } from "../../host/toolchain/compile.ts";
import { parseConstants, readConstants } from "../../host/toolchain/constants.ts";

describe("a file of constants", () => {
  it("reads to the values that the host was compiled with", async () => {
    for (const [name, module] of Object.entries({ "layout.ts": layout, "abi.ts": abi })) {
      const values = await readConstants(join(PACKAGE_ROOT, "kernel", name));
      expect(Object.fromEntries(values)).toEqual({ ...module });
    }
    expect(await readdir(join(PACKAGE_ROOT, "kernel"))).toContain("layout.ts");
  });

  it("may use names above, and + * - << | with their usual strength", () => {
    const text =
      "export const A = 2;\n/* note */\nexport const B = 1 << A + 1 | 0x10; // why\nexport const C = -A * (B - 20);\n";
    expect(Object.fromEntries(parseConstants(text, "x.ts"))).toEqual({ A: 2, B: 24, C: -8 });
  });

  it.each([
    "import x from 'y';",
    "export const A = 4 / 2;",
    "export const A = B;",
    "let A = 1;",
    "export const A = 1 +;",
    "export const A = 1.5;",
  ])("is refused with the line: %s", (line) => {
    expect(() => parseConstants(`\n${line}\n`, "kernel/layout.ts")).toThrow(
      expect.objectContaining({ code: "BAD_LAYOUT_FILE", message: expect.stringContaining("kernel/layout.ts:2") }),
    );
  });
});
