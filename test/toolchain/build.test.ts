/** Building from a folder: what makes an image stale, and what the compiler's refusals look like. */
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fingerprint } from "../../host/toolchain/fingerprint.ts";
import { buildMini, MINI_ROOT } from "./mini.ts";

describe("a source folder", () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "wlp-test-"));
    await cp(MINI_ROOT, root, { recursive: true });
  });
  afterAll(() => rm(root, { recursive: true }));

  it("may be copied anywhere and builds to the same image", async () => {
    const [here, there] = [await buildMini({ mapName: "m" }), await buildMini({ mapName: "m", root })];
    expect(there.map).toEqual(here.map);
  });

  it("makes images stale by content, by a file's name and by options, and by nothing else", async () => {
    const prints = [fingerprint(root, { debug: true })];
    expect(fingerprint(root, { debug: true })).toBe(prints[0]);
    prints.push(fingerprint(root, { debug: false }));
    await writeFile(join(root, "kernel/extra.ts"), "// nothing\n");
    prints.push(fingerprint(root, { debug: true }));
    await rename(join(root, "kernel/extra.ts"), join(root, "kernel/other.ts"));
    prints.push(fingerprint(root, { debug: true }));
    expect(new Set(prints).size).toBe(prints.length);
    const without = fingerprint(root, {}, ["kernel/user"]);
    await mkdir(join(root, "kernel/user"));
    await writeFile(join(root, "kernel/user/program.ts"), "// nothing\n");
    expect(fingerprint(root, {}, ["kernel/user"])).toBe(without);
  });

  it("that does not compile is refused with the compiler's words", async () => {
    await writeFile(join(root, "kernel/broken.ts"), "export function f(): i32 { return nothing; }\n");
    await expect(buildMini({ root, entries: ["kernel/broken.ts"] })).rejects.toThrow(
      expect.objectContaining({
        code: "COMPILE_FAILED",
        message: expect.stringMatching(/kernel\/broken\.ts.*nothing/s),
      }),
    );
  });
});
