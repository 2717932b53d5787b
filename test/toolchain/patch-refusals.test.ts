/** Changes that no patch can make, each in the smallest way: the code, and the names that the author needs. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MachineErrorCode } from "../../host/errors.ts";
import { symbolName } from "../../host/toolchain/patch-changes.ts";
import { readPatch } from "../../host/toolchain/patch-format.ts";
import type { PatchBuild } from "../../host/toolchain/patch.ts";
import { buildMini } from "./mini.ts";
import { patchKit } from "./patch-kit.ts";
import type { Edit, PatchKit } from "./patch-kit.ts";

let kit: PatchKit;
beforeAll(async () => {
  kit = await patchKit();
});
afterAll(() => kit.dispose());

const DOUBLE: Edit = ["return value * 2;", "return value * 3;"];
const before = (text: string): Edit => ["export function double", `${text}\nexport function double`];

interface Refusal {
  readonly when: string;
  readonly code: MachineErrorCode;
  readonly says: RegExp;
  readonly edits: readonly Edit[];
}

const REFUSALS: readonly Refusal[] = [
  {
    when: "only a comment changed",
    code: "NO_FUNCTIONAL_CHANGE",
    says: /no functional changes found/,
    edits: [before("// nothing new")],
  },
  {
    when: "lines moved, and with them an assertion",
    code: "NO_FUNCTIONAL_CHANGE",
    says: /no functional changes/,
    edits: [["  assert(index < 3", "\n\n    assert(index < 3"]],
  },
  {
    when: "a local variable has another name",
    code: "NO_FUNCTIONAL_CHANGE",
    says: /no functional changes/,
    edits: [
      ["const seed = value + 1", "const salt = value + 1"],
      ["+ seed", "+ salt"],
    ],
  },
  {
    when: "the signature of a function changed, which others call",
    code: "SIGNATURE_CHANGED",
    says: /letters \(kernel\/main\.ts:\d+\) is \(i32\)->i32 in the patch and \(\)->i32 in the kernel.*: kernel\/main\/call_letters/s,
    edits: [
      ["function letters(): i32 { return", "function letters(more: i32): i32 { return more +"],
      ["letters() * 10", "letters(1) * 10"],
    ],
  },
  {
    when: "a function without a slot changed",
    code: "NOT_PATCHABLE",
    says: /helper \(kernel\/main\.ts:\d+\) has changed and is @notrace.*who calls it: helped/s,
    edits: [["return value + 1; }", "return value + 2; }"]],
  },
  {
    when: "a function that runs without a task changed",
    code: "NOT_PATCHABLE",
    says: /leave .* is @bare/,
    edits: [["if (!asleep) return result;", "if (!asleep) return result + 1;"]],
  },
  {
    when: "a method changed",
    code: "NOT_PATCHABLE",
    says: /Pair#sum .* is a method.*who calls it: pair_sum/s,
    edits: [["return this.left + this.right", "return this.left - this.right"]],
  },
  {
    when: "a function without a name changed",
    code: "NOT_PATCHABLE",
    says: /~anonymous\|0 .*has no name of its own/,
    edits: [["=> value + 40", "=> value + 41"]],
  },
  {
    when: "an array of the kernel has other contents",
    code: "STATIC_DATA_CHANGED",
    says: /kernel\/main\/PRIMES \(kernel\/main\.ts:\d+\) .*another name/s,
    edits: [["[2, 3, 5]", "[2, 3, 7]"]],
  },
  {
    when: "an array of functions has other entries",
    code: "STATIC_DATA_CHANGED",
    says: /kernel\/main\/OPERATIONS/,
    edits: [["[double, slow_square]", "[double, double]"]],
  },
  {
    when: "there is new code at top level",
    code: "TOP_LEVEL_CODE",
    says: /start/,
    edits: [before("double(1);")],
  },
  {
    when: "there is a new variable of the module",
    code: "SHARED_STATE_IN_GLOBAL",
    says: /kernel\/main\/calls \(kernel\/main\.ts:\d+\)/,
    edits: [
      ["type Operation =", "let calls: i32 = 0;\ntype Operation ="],
      ["return value * 2;", "calls++;\n  return value * 2;"],
    ],
  },
  {
    when: "a function could not sleep before and could now",
    code: "NEWLY_SLEEPING",
    says: /letters \(kernel\/main\.ts:\d+\) .*by way of letters -> context_switch -> start_unwind; its callers count on that: call_letters/,
    edits: [["letters(): i32 { return", "letters(): i32 { context_switch(); return"]],
  },
  {
    when: "a function could sleep by way of a new one",
    code: "NEWLY_SLEEPING",
    says: /letters .* letters -> nap -> context_switch/,
    edits: [
      [
        "export function letters(): i32 {",
        "function nap(): void { context_switch(); }\nexport function letters(): i32 { nap();",
      ],
    ],
  },
  {
    when: "a field of a class moved",
    code: "LAYOUT_CHANGED",
    says: /the class kernel\/main\/Pair \(kernel\/main\.ts:\d+\) is between:4:i32 right:8:i32 size:12 in the patch and right:4:i32 size:8 in the kernel/,
    edits: [["left: i32; right", "left: i32; between: i32; right"]],
  },
  {
    when: "a hook has another signature than the one that is called",
    code: "BAD_HOOK",
    says: /kernel\/main\/klp_pre_patch is \(\), and klp_pre_patch is \(\)->i32/,
    edits: [before("export function klp_pre_patch(): void {}")],
  },
  {
    when: "patched code asks where the image's data ends",
    code: "UNPLACED_ADDRESS",
    says: /kernel\/main\/letters uses the address \d+/,
    edits: [['return "quiet".length', "return <i32>__data_end"]],
  },
  {
    when: "patched code has a number that looks like an address",
    code: "UNPLACED_ADDRESS",
    says: /kernel\/main\/letters uses the address 803733504[^]* nor 0x2fe00000 to 0x2fefffff as a number/,
    edits: [['return "quiet".length', "return 0x2fe80000"]],
  },
  {
    when: "static data is written",
    code: "STATIC_DATA_WRITTEN",
    says: /kernel\/main\/letters \(kernel\/main\.ts:\d+\) writes to static data/,
    edits: [['return "quiet".length', "PRIMES[0] = 7; return 1"]],
  },
  {
    when: "a function calls a pointer and does not say whether that may sleep",
    code: "UNDECLARED_INDIRECT_CALL",
    says: /kernel\/main\/letters/,
    edits: [['return "quiet".length', "return OPERATIONS[0](1)"]],
  },
  {
    when: "the patched source does not compile",
    code: "COMPILE_FAILED",
    says: /kernel\/main\.ts\(\d+,\d+\)/,
    edits: [["return value * 2;", "return valu * 2;"]],
  },
];

describe("a patch is refused when", () => {
  it.each(REFUSALS)("$when", async ({ code, says, edits }) => {
    await expect(kit.build(edits)).rejects.toMatchObject({ code, message: expect.stringMatching(says) });
  });

  const diffs: readonly (readonly [when: string, code: MachineErrorCode, says: RegExp, diff: () => Promise<string>])[] =
    [
      [
        "a hunk does not fit",
        "PATCH_DOES_NOT_APPLY",
        /kernel\/main\.ts: hunk 1 of 1, at line \d+, does not fit/,
        async () => (await kit.diff([DOUBLE])).replaceAll("value * 2", "value * 9"),
      ],
      [
        "the second hunk does not fit",
        "PATCH_DOES_NOT_APPLY",
        /hunk 2 of 2/,
        async () =>
          (await kit.diff([DOUBLE, ["+ WORDS.length", "+ 1"]])).replace(
            "-  return first * 1000",
            "-  return first * 1001",
          ),
      ],
      [
        "it names a file that is not there",
        "PATCH_DOES_NOT_APPLY",
        /kernel\/other\.ts: the kernel has no such file/,
        async () => (await kit.diff([DOUBLE])).replaceAll("kernel/main.ts", "kernel/other.ts"),
      ],
      ["it is no diff", "PATCH_DOES_NOT_APPLY", /names no file/, async () => "hello\n"],
      [
        "it changes the host",
        "PATCH_OUTSIDE_KERNEL",
        /host\/cpu\/loop\.ts/,
        async () => (await kit.diff([DOUBLE])).replaceAll("kernel/main.ts", "host/cpu/loop.ts"),
      ],
      [
        "it changes a user program",
        "PATCH_OUTSIDE_KERNEL",
        /kernel\/user\/main\.ts/,
        async () => (await kit.diff([DOUBLE])).replaceAll("kernel/main.ts", "kernel/user/main.ts"),
      ],
      [
        "it climbs out of the kernel's folder",
        "PATCH_OUTSIDE_KERNEL",
        /changes \.\.\/main\.ts/,
        async () => (await kit.diff([DOUBLE])).replaceAll("kernel/main.ts", "kernel/../../main.ts"),
      ],
      [
        "a number of the memory layout changed",
        "LAYOUT_CHANGED",
        /STACK_SIZE in kernel\/layout\.ts is 1024 in the patch and 512/,
        () => kit.diff([["STACK_SIZE = 512", "STACK_SIZE = 1024"]], "kernel/layout.ts"),
      ],
      [
        "the layout is more than numbers",
        "BAD_LAYOUT_FILE",
        /layout\.ts:\d+/,
        () =>
          kit.diff(
            [["export const STACK =", "export function f(): void {}\nexport const STACK ="]],
            "kernel/layout.ts",
          ),
      ],
    ];
  it.each(diffs)("%s", async (_when, code, says, diff) => {
    const built = kit.build([], { diffs: [await diff()] });
    await expect(built).rejects.toMatchObject({ code, message: expect.stringMatching(says) });
  });

  const builds: readonly (readonly [
    when: string,
    code: MachineErrorCode,
    says: RegExp,
    more: () => Promise<Partial<PatchBuild>>,
  ])[] = [
    [
      "the image was built from another source",
      "SOURCE_DIFFERS",
      /is not the one that the kernel image was built from/,
      async () => ({
        base: { ...kit.image.map, source: "0" },
      }),
    ],
    [
      "the image has no hooks",
      "SOURCE_DIFFERS",
      /takes no patches/,
      async () => ({
        base: (await buildMini({ root: kit.root, hooks: false })).map,
      }),
    ],
    [
      "a function is to be forced that is not replaced",
      "BAD_OPTION",
      /force names task, .*It replaces: double/s,
      async () => ({
        force: ["task"],
      }),
    ],
  ];
  it.each(builds)("%s", async (_when, code, says, more) => {
    const built = kit.build([DOUBLE], await more());
    await expect(built).rejects.toMatchObject({ code, message: expect.stringMatching(says) });
  });
});

describe("what is not a patch is not read as one:", () => {
  it("a kernel image", () => {
    expect(() => readPatch(new WebAssembly.Module(kit.image.wasm))).toThrow(
      /NOT_A_PATCH: .*no readable section wlp\.patch/,
    );
  });

  it("a patch whose data was cut off", async () => {
    const { wasm } = await kit.build([DOUBLE]);
    const text = new TextDecoder("latin1").decode(wasm).replace('"bytes":0', '"bytes":9');
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    expect(() => readPatch(new WebAssembly.Module(bytes))).toThrow(/NOT_A_PATCH/);
  });
});

describe("a function whose name is not unique", () => {
  it("is named with its position", () => {
    const [row] = kit.image.map.functions;
    const twins = [1, 2].map((sympos) => ({ ...row!, name: "twin", path: `kernel/${sympos}/twin`, sympos }));
    const base = { ...kit.image.map, functions: twins };
    expect(twins.map((twin) => symbolName(twin, base))).toEqual(["twin,1", "twin,2"]);
    expect(symbolName(row!, kit.image.map)).toBe(row!.name);
  });
});
