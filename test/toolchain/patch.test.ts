/** What a patch module does in the kernel that it is made for: the mini kernel, on one CPU. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../host/toolchain/compile.ts";
import { OPTIMIZE_LEVEL, PATCHABLE_IMAGES } from "../../host/toolchain/images.ts";
import { buildPatch } from "../../host/toolchain/patch.ts";
import { readBase } from "../../host/toolchain/patch-files.ts";
import { readPatch } from "../../host/toolchain/patch-format.ts";
import { boot } from "./mini.ts";
import { callSlot, FRAME_BASE, load, patchKit } from "./patch-kit.ts";
import type { Edit, PatchKit } from "./patch-kit.ts";

/** task(7) of the mini kernel. */
const UNPATCHED = 14 * 1000 + 49 + 150 + 11;
const TRIPLE: Edit = ["return value * 2;", "return value * 3;"];

let kit: PatchKit;
beforeAll(async () => {
  kit = await patchKit();
});
afterAll(() => kit.dispose());

const paths = (rows: readonly { readonly path: string }[]) => rows.map(({ path }) => path.replace("kernel/main/", ""));

describe("a patch of one line", () => {
  it("holds the changed function and nothing else, and replaces it", async () => {
    const patch = await kit.build([TRIPLE]);
    expect(paths(patch.info.functions)).toEqual(["double"]);
    expect(patch.info.added).toEqual([]);
    expect(patch.info.rows).toEqual([
      { k: 0, path: "kernel/main/double", name: "double", signature: "(i32)->i32", frameSize: 0, slot: 1 },
    ]);
    expect(patch.wasm.length).toBeLessThan(1500);
    const kernel = boot(kit.image);
    expect(kernel.run(7).result).toBe(UNPATCHED);
    load(kernel, patch);
    expect(kernel.run(7).result).toBe(UNPATCHED + 7000);
  });

  it("carries its record, which names the kernel, the place and the body it was made against", async () => {
    const { wasm, info, data } = await kit.build([TRIPLE], { model: "kgraft", name: "triple" });
    expect(readPatch(new WebAssembly.Module(wasm))).toEqual({ info, data });
    const row = kit.image.map.functions.find(({ name }) => name === "double")!;
    expect(info).toMatchObject({ name: "triple", model: "kgraft", kernel: kit.image.map.identity });
    expect(info.functions[0]).toMatchObject({
      bodyHash: row.bodyHash,
      slot: row.slot,
      sympos: 1,
      signature: "(i32)->i32",
      class: "atomic",
      file: "kernel/main.ts",
      line: row.line,
      force: false,
    });
  });

  it("is built the same way twice", async () => {
    expect((await kit.build([TRIPLE])).wasm).toEqual((await kit.build([TRIPLE])).wasm);
  });

  it("applies when the source has moved", async () => {
    const moved = (await kit.diff([TRIPLE])).replace(/@@ -(\d+)(,\d+) \+\d+/, (_all, line, count) => {
      return `@@ -${Number(line) - 5}${count} +${Number(line) - 5}`;
    });
    expect(paths((await kit.build([], { diffs: [moved] })).info.functions)).toEqual(["double"]);
  });
});

describe("a patched function", () => {
  it("sleeps and resumes in the patch, and its frames carry ids from the patch's base", async () => {
    const patch = await kit.build([["return value * value + seed", "return 100 + value * value + seed"]]);
    const kernel = boot(kit.image);
    load(kernel, patch);
    expect(kernel.run(7)).toEqual({ result: UNPATCHED + 100, sleeps: 2 });
  });

  it("shows on a saved stack under its own id and frame size", async () => {
    const patch = await kit.build([["return value * value + seed", "return 100 + value * value + seed"]]);
    const kernel = boot(kit.image);
    load(kernel, patch);
    kernel.call("begin", 7);
    const rows = [];
    for (let at = kernel.words[1024 / 4]!; at > 2048;) {
      const id = kernel.words[at / 4 - 1]!;
      const row = patch.info.rows[id - FRAME_BASE] ?? kit.image.map.functions[id - 1]!;
      rows.push(`${id < FRAME_BASE ? "kernel" : "patch"}: ${row.name}`);
      at -= row.frameSize;
    }
    expect(rows).toEqual(["kernel: task", "kernel: operate", "patch: slow_square"]);
  });

  it("goes to the kernel's stack_end_hit when its frame does not fit", async () => {
    const patch = await kit.build([["return value * value + seed", "return 100 + value * value + seed"]]);
    const kernel = boot(kit.image);
    load(kernel, patch);
    kernel.call("begin_on", 7, 4);
    expect(kernel.log).toContain(2);
  });

  it("visits the kernel's safepoint in its loops", async () => {
    const patch = await kit.build([["second += i & 1", "second += i & 3"]]);
    const kernel = boot(kit.image);
    load(kernel, patch);
    expect(kernel.run(7)).toEqual({ result: UNPATCHED + 300, sleeps: 2 });
    expect(kernel.log).toContain(1);
  });

  it("calls other functions through their slots, replaced ones too", async () => {
    const patch = await kit.build([
      ["return letters() * 10", "return letters() * 100"],
      ['return "quiet".length', 'return "quiet".length + 1'],
    ]);
    expect(patch.info.calls).toMatchObject([{ import: "slot:kernel/main/letters", name: "letters", sympos: 1 }]);
    const kernel = boot(kit.image);
    load(kernel, patch);
    expect(callSlot(kernel, kit.image, "call_letters")).toBe(600);
    const slot = patch.info.calls[0]!.slot;
    kernel.table.set(slot, kernel.table.get(kit.image.map.stride + slot));
    expect(callSlot(kernel, kit.image, "call_letters")).toBe(500);
  });

  it("uses the kernel's per-CPU variables", async () => {
    const patch = await kit.build([["return asleep ? 1 : 0", "return asleep ? 7 : 5"]]);
    const kernel = boot(kit.image);
    load(kernel, patch);
    expect(callSlot(kernel, kit.image, "is_asleep")).toBe(5);
    kernel.call("begin", 7);
    expect(callSlot(kernel, kit.image, "is_asleep")).toBe(7);
  });

  it("brings copies of functions that own no slot", async () => {
    const patch = await kit.build([["return helper(value)", "return helper(value) * 2"]]);
    expect(paths(patch.info.rows)).toEqual(["helped", "helper"]);
    const kernel = boot(kit.image);
    load(kernel, patch);
    expect(callSlot(kernel, kit.image, "helped", 4)).toBe(10);
  });

  it("keeps the class of the kernel's function when it no longer sleeps", async () => {
    const patch = await kit.build([
      ["const seed = value + 1;\n  context_switch();", "const seed = value + 1;"],
      ["const first = operate(0, value);", "const first = operate(0, value) + slow_square(0);"],
    ]);
    expect(patch.info.functions.map(({ name, class: cls }) => `${name} ${cls}`).toSorted()).toEqual([
      "slow_square sleepable",
      "task sleepable",
    ]);
    const kernel = boot(kit.image);
    load(kernel, patch);
    expect(kernel.run(7)).toEqual({ result: UNPATCHED, sleeps: 1 });
    // A version that sleeps may come back to the slot, by another patch: task is prepared for it.
    const { slot } = patch.info.functions.find(({ name }) => name === "slow_square")!;
    kernel.table.set(slot, kernel.table.get(kit.image.map.stride + slot));
    expect(kernel.run(7)).toEqual({ result: UNPATCHED, sleeps: 3 });
  });
});

describe("new code and data of a patch", () => {
  it("new functions are exported and called directly", async () => {
    const patch = await kit.build([
      [TRIPLE[0], "return twice(value) + 1;"],
      [
        "export function double",
        "function twice(value: i32): i32 {\n  return value + value;\n}\nexport function double",
      ],
    ]);
    expect(paths(patch.info.added)).toEqual(["twice"]);
    expect(patch.info.calls).toEqual([]);
    const kernel = boot(kit.image);
    load(kernel, patch);
    expect(kernel.run(7).result).toBe(UNPATCHED + 1000);
  });

  it("pointers to new functions and to the kernel's meet in one array", async () => {
    const patch = await kit.build([
      [
        "@sleeps export function operate",
        "function triple(value: i32): i32 {\n  return value * 3;\n}\nconst OTHERS: StaticArray<Operation> = [triple, slow_square];\n@sleeps export function operate",
      ],
      ["return OPERATIONS[which]", "return OTHERS[which]"],
    ]);
    expect(paths(patch.info.added)).toEqual(["triple"]);
    expect(patch.info.data.relocations).toMatchObject([
      { kind: "data" },
      { kind: "added", path: "kernel/main/triple" },
    ]);
    const kernel = boot(kit.image);
    load(kernel, patch);
    expect(kernel.run(7)).toEqual({ result: UNPATCHED + 7000, sleeps: 2 });
  });

  it("a pointer to a function of the kernel whose address nobody took before leads to its slot", async () => {
    const patch = await kit.build([
      [
        "@sleeps export function operate",
        "const ONE: StaticArray<Operation> = [negate, double];\n@sleeps export function operate",
      ],
      ["return OPERATIONS[which](value)", "return which == 0 ? ONE[0](2) : OPERATIONS[which](value)"],
    ]);
    const slot = kit.image.map.functions.find(({ name }) => name === "negate")!.slot;
    expect(patch.info.data.relocations).toContainEqual(
      expect.objectContaining({ kind: "slot", path: "kernel/main/negate", slot }),
    );
    const kernel = boot(kit.image);
    load(kernel, patch);
    expect(kernel.run(7).result).toBe(UNPATCHED - 16000);
  });

  it("a pointer to a function without a slot leads to the patch's copy", async () => {
    const patch = await kit.build([
      [
        "@sleeps export function operate",
        "const ONE: StaticArray<Operation> = [helper];\n@sleeps export function operate",
      ],
      ["return OPERATIONS[which](value)", "return which == 0 ? ONE[0](2) : OPERATIONS[which](value)"],
    ]);
    expect(paths(patch.info.added)).toEqual(["helper"]);
    const kernel = boot(kit.image);
    load(kernel, patch);
    expect(kernel.run(7).result).toBe(UNPATCHED - 11000);
  });

  it("a changed string comes along, one that the kernel has is used where it is", async () => {
    const longer = await kit.build([['"quiet".length', '"not so quiet".length']]);
    expect(longer.data.length).toBeGreaterThan(0);
    const kernel = boot(kit.image);
    load(kernel, longer);
    expect(callSlot(kernel, kit.image, "letters")).toBe(12);

    const known = await kit.build([['"quiet".length', '"quiet".length + 1']]);
    expect(known.data.length).toBe(0);
    const other = boot(kit.image);
    load(other, known);
    expect(callSlot(other, kit.image, "letters")).toBe(6);
    expect((await kit.build([['"quiet".length', '"quiet".length + 1']], { baseData: [] })).data.length).toBeGreaterThan(
      0,
    );
  });

  it("a new array has its contents where the loader puts it", async () => {
    const patch = await kit.build([
      ["export function letters", "const ODD: StaticArray<i32> = [1, 3, 5, 7];\nexport function letters"],
      [
        'return "quiet".length',
        "let sum = 0;\n  for (let i = 0; i < ODD.length; i++) sum += unchecked(ODD[i]);\n  return sum",
      ],
    ]);
    const kernel = boot(kit.image);
    load(kernel, patch);
    expect(callSlot(kernel, kit.image, "letters")).toBe(16);
  });
});

describe("what an author may ask for", () => {
  it("hooks are found by name, although nobody calls them", async () => {
    const { info, wasm } = await kit.build([
      TRIPLE,
      [
        "export function double",
        "export function klp_pre_patch(): i32 {\n  return 0;\n}\nexport function klp_post_unpatch(): void {}\nexport function double",
      ],
    ]);
    expect(info.hooks).toEqual({
      pre_patch: "kernel/main/klp_pre_patch",
      post_unpatch: "kernel/main/klp_post_unpatch",
    });
    const names = WebAssembly.Module.exports(new WebAssembly.Module(wasm)).map(({ name }) => name);
    expect(paths(names.map((path) => ({ path }))).toSorted()).toEqual([
      "double",
      "klp_post_unpatch",
      "klp_pre_patch",
      "slow:double",
    ]);
  });

  it("functions are forced by decorator or by name", async () => {
    const marked = await kit.build([TRIPLE, ["export function double", "@force_unsafe export function double"]]);
    expect(marked.info.functions[0]?.force).toBe(true);
    expect((await kit.build([TRIPLE], { force: ["double"] })).info.functions[0]?.force).toBe(true);
  });

  it("several diffs are applied in turn", async () => {
    const first = await kit.diff([TRIPLE]);
    const second = first.replaceAll("return value * 3;", "return value * 4;").replaceAll("value * 2", "value * 3");
    const kernel = boot(kit.image);
    load(kernel, await kit.build([], { diffs: [first, second] }));
    expect(kernel.run(7).result).toBe(UNPATCHED + 14000);
  });
});

describe.each([{ debug: true }, { debug: true, stepped: true }])("with the variant %o", (variant) => {
  it("a patch behaves the same", async () => {
    const other = await patchKit(variant);
    try {
      const patch = await other.build([TRIPLE, ["return value * value + seed", "return 100 + value * value + seed"]]);
      const kernel = boot(other.image);
      load(kernel, patch);
      expect(kernel.run(7)).toEqual({ result: UNPATCHED + 7100, sleeps: 2 });
    } finally {
      await other.dispose();
    }
  });
});

/** The build itself makes patches for each of them: here all in the full run. */
const IMAGES = process.env["WLP_FULL"] ? PATCHABLE_IMAGES : PATCHABLE_IMAGES.slice(0, 1);

describe("the kernel itself", () => {
  it.each(IMAGES)("takes patches for its image %s", async (image) => {
    const file = "kernel/fs/procfs.ts";
    const diff = `--- /dev/null\n+++ b/kernel/fs/rounding.ts\n@@ -0,0 +1,1 @@\n+export function half_centisecond(): f64 { return 5000000; }
--- a/${file}\n+++ b/${file}
@@ -1,1 +1,1 @@
-function put_uptime(at: usize, limit: usize, subject: i32): usize {
+import { half_centisecond } from "./rounding"; function put_uptime(at: usize, limit: usize, subject: i32): usize { if (half_centisecond() == 0) return at;
`;
    const build = { root: PACKAGE_ROOT, diffs: [diff], name: "rounding", optimizeLevel: OPTIMIZE_LEVEL };
    const { info, wasm } = await buildPatch({ ...build, ...(await readBase(PACKAGE_ROOT, image)) });
    expect(info.functions.map(({ name }) => name)).toEqual(["put_uptime"]);
    expect(info.added.map(({ path }) => path)).toEqual(["kernel/fs/rounding/half_centisecond"]);
    expect(WebAssembly.validate(wasm)).toBe(true);
  });
});
