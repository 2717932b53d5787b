/** User programs: confined to their window, with variables of their own, able to sleep in a system call. */
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import wabt from "wabt";
import { USER_FRAME_IDS } from "../../kernel/abi.ts";
import type { MachineErrorCode } from "../../host/errors.ts";
import { buildUser, transformUser } from "../../host/toolchain/user.ts";
import type { UserImage } from "../../host/toolchain/user.ts";
import { load, stackPosition, topFrame } from "./window.ts";

const ROOT = fileURLToPath(new URL("fixtures/user", import.meta.url));
const OPTIONS = { heapBytes: 1024, optimizeLevel: 2, mapName: "" };

async function fromText(text: string, options = OPTIONS): Promise<UserImage> {
  const { parseWat } = await wabt();
  const module = parseWat("user.wat", text, {
    threads: true,
    bulk_memory: true,
    mutable_globals: true,
    simd: true,
    reference_types: true,
  });
  return transformUser(new Uint8Array(module.toBinary({ write_debug_names: true }).buffer), options);
}

describe("a user image", () => {
  let image: UserImage;
  beforeAll(async () => {
    image = await buildUser({ root: ROOT, entry: "main.ts", ...OPTIONS });
  });

  it("lists its programs, the size of a window, and ids of functions from USER_FRAME_IDS up", () => {
    expect(image.map.programs.map(({ name }) => name)).toEqual(["count", "spin", "step", "poke", "recurse"]);
    expect(image.map.windowBytes).toBe(4096);
    expect(image.map.functions.map(({ id }) => id)).toEqual(
      image.map.functions.map((_, index) => USER_FRAME_IDS + index),
    );
  });

  it("keeps variables in the window, with their initial values, one set per process", () => {
    const first = load(image);
    first.answer = () => 1;
    expect(first.start("count", 3)).toBe(7);
    expect(first.start("count", 3)).toBe(18);
    const second = load(image);
    second.answer = () => 1;
    expect(second.start("count", 3)).toBe(7);
  });

  it("sleeps in a system call and goes on with its result", () => {
    const run = load(image);
    run.answer = () => "sleep";
    run.start("count", 2);
    expect(image.map.functions.find(({ id }) => id === topFrame(run))?.name).toBe("count");
    run.resume("count", 10);
    run.answer = () => 1;
    expect(run.resume("count", 20)).toBe(-1 + 5 + 30);
  });

  it("sleeps behind a function pointer", () => {
    const run = load(image);
    expect(run.start("step", 0)).toBe(42 + "u".charCodeAt(0));
    run.answer = () => "sleep";
    run.start("step", 1);
    expect(run.resume("step", 7)).toBe(7 + "u".charCodeAt(0));
  });

  it("passes a safepoint once in 1024 turns of a loop", () => {
    const run = load(image);
    expect(run.start("spin", 5000)).toBe(2500);
    expect(run.log).toEqual(Array.from({ length: 4 }, () => "safepoint"));
  });

  it("reports the end of its stack before it writes past it", () => {
    const frame = image.map.functions.find(({ name }) => name === "recurse")!.frameSize;
    const run = load(image);
    run.answer = () => "sleep";
    run.start("recurse", 3, 4 * frame);
    expect(run.log).toEqual([]);
    expect(stackPosition(run)).toBe(4 * frame);
    run.start("recurse", 3, 4 * frame - 4);
    expect(run.log).toEqual(["stack end"]);
  });

  it("folds a stray address into its own window", () => {
    const run = load(image);
    const { base, bytes } = run;
    const before = bytes.slice();
    expect(run.start("poke", 100_000)).toBe(0x01020304);
    const changed = [...bytes.keys()].filter((at) => at < 61440 - 4096 && bytes[at] !== before[at]);
    expect(changed.map((at) => at - base)).toEqual([0, 1, 2, 3].map((byte) => (100_000 % 4096) + byte));
  });

  it("is built with a map of its source lines on demand", async () => {
    const mapped = await buildUser({ root: ROOT, entry: "main.ts", ...OPTIONS, mapName: "user.wasm.map" });
    expect(JSON.parse(mapped.sourceMap).sources).toContain("main.ts");
    expect(mapped.map.functions.find(({ name }) => name === "poke")).toMatchObject({ file: "main.ts" });
  });
});

describe("a foreign module", () => {
  const STORES = [
    "i32.store8",
    "i32.store16",
    "i32.store",
    "i64.store8",
    "i64.store16",
    "i64.store32",
    "i64.store",
    "f32.store",
    "f64.store",
  ];
  const LOADS = [
    "i32.load8_s",
    "i32.load16_u",
    "i32.load",
    "i64.load8_u",
    "i64.load16_s",
    "i64.load32_u",
    "i64.load",
    "f32.load",
    "f64.load",
  ];
  const ONES = { i32: "-1", i64: "-1", f32: "-nan:0x7fffff", f64: "-nan:0xfffffffffffff" };
  const widthOf = (instruction: string): number =>
    Number(/(8|16|32)(_[su])?$/.exec(instruction)?.[1] ?? instruction.slice(1, 3)) / 8;
  const typeOf = (instruction: string) => instruction.slice(0, 3) as keyof typeof ONES;
  const program = (name: string, body: string): string => `(func (export "${name}") (param i32) (result i32) ${body})`;

  it("reaches nothing but its own window, with any width, offset and address", async () => {
    const offsets = [0, 1, 4095, 65536, 0x7fffffff, 0xffffffff];
    const text = offsets.flatMap((offset, index) => [
      ...STORES.map((name) =>
        program(
          `${name} ${index}`,
          `(${name} offset=${offset} (local.get 0) (${typeOf(name)}.const ${ONES[typeOf(name)]})) (i32.const 0)`,
        ),
      ),
      ...LOADS.map((name) => {
        const value = `(${name} offset=${offset} (local.get 0))`;
        const same = {
          i32: value,
          i64: `(i32.wrap_i64 ${value})`,
          f32: `(i32.reinterpret_f32 ${value})`,
          f64: `(i32.wrap_i64 (i64.reinterpret_f64 ${value}))`,
        };
        return program(`${name} ${index}`, same[typeOf(name)]);
      }),
    ]);
    const image = await fromText(`(module (memory 1) ${text.join("\n")})`);
    const window = image.map.windowBytes;
    const run = load(image, window, (3 * window) / 65536);
    run.start(`${STORES[0]} 0`, 0);
    const clean = run.bytes.slice().fill(0, window);
    const folded = (address: number, index: number): number => window + (((address + offsets[index]!) >>> 0) % window);
    const anyOffset = fc.nat(offsets.length - 1);
    fc.assert(
      fc.property(fc.constantFrom(...STORES), anyOffset, fc.integer(), (name, index, address) => {
        run.bytes.set(clean);
        run.start(`${name} ${index}`, address);
        const expected = clean.slice();
        const at = folded(address, index);
        expected.fill(255, at, at + widthOf(name));
        return Buffer.compare(run.bytes, expected) === 0;
      }),
      { numRuns: 150 },
    );
    const SLACK = 7; // the widest access, at the window's last byte
    run.bytes.set(clean);
    run.bytes.fill(0xaa, 0, window);
    run.bytes.fill(0xaa, 2 * window + SLACK);
    fc.assert(
      fc.property(
        fc.constantFrom(...LOADS),
        anyOffset,
        fc.integer(),
        (name, index, address) => run.start(`${name} ${index}`, address) === 0,
      ),
      { numRuns: 300 },
    );
  });

  it("has atomics confined like the rest", async () => {
    const image = await fromText(`(module (memory 1 1 shared)
      ${program("add", "(i32.atomic.rmw.add offset=4 (local.get 0) (i32.const 5))")}
      ${program("swap", "(i32.atomic.rmw.cmpxchg (local.get 0) (i32.const 5) (i32.const 9))")}
      ${program("wake", "(memory.atomic.notify (local.get 0) (i32.const 1))")})`);
    const run = load(image, image.map.windowBytes, 4);
    expect(run.start("add", -4)).toBe(0);
    expect(run.start("swap", 0)).toBe(5);
    expect(run.bytes[image.map.windowBytes]).toBe(9);
    expect(run.start("wake", 0x7ffffffc)).toBe(0);
  });

  it("traps when it copies or fills a range that leaves the window", async () => {
    const image = await fromText(`(module (memory 1)
      ${program("fill", "(memory.fill (local.get 0) (i32.const 7) (i32.const 100)) (i32.const 0)")}
      ${program("copy", "(memory.copy (local.get 0) (i32.const 0) (i32.const 100)) (i32.const 0)")}
      ${program("from", "(memory.copy (i32.const 0) (local.get 0) (i32.const 100)) (i32.const 0)")}
      ${program("size", "(memory.fill (i32.const 0) (i32.const 7) (local.get 0)) (i32.const 0)")})`);
    const window = image.map.windowBytes;
    const run = load(image, window, 4);
    for (const name of ["fill", "copy", "from"]) {
      expect(run.start(name, window - 100)).toBe(0);
      for (const address of [window - 99, window, -1, -100])
        expect(() => run.start(name, address)).toThrow(WebAssembly.RuntimeError);
    }
    expect(run.start("size", window)).toBe(0);
    for (const size of [window + 1, -1]) expect(() => run.start("size", size)).toThrow(WebAssembly.RuntimeError);
  });

  it("has a memory as large as its window that never grows", async () => {
    const image = await fromText(`(module (memory 2)
      ${program("grow", "(memory.grow (local.get 0))")} ${program("size", "(memory.size)")})`);
    const run = load(image);
    expect(run.start("grow", 1)).toBe(-1);
    expect(run.start("size", 0)).toBe(image.map.windowBytes / 65536);
  });

  it("keeps variables of every type", async () => {
    const image = await fromText(`(module (memory 1)
      (global $i (mut i32) (i32.const 3)) (global $l (mut i64) (i64.const -5000000000)) (global $f (mut f32) (f32.const 1.5)) (global $d (mut f64) (f64.const -2.25))
      ${program(
        "sum",
        `(global.set $l (i64.add (global.get $l) (i64.const 5000000001)))
        (i32.add (i32.add (global.get $i) (i32.wrap_i64 (global.get $l)))
          (i32.trunc_f64_s (f64.mul (global.get $d) (f64.promote_f32 (global.get $f)))))`,
      )})`);
    expect(load(image, image.map.windowBytes, 4).start("sum", 0)).toBe(3 + 1 - 3);
  });

  it("starts with its data in the window and nothing in the module", async () => {
    const image = await fromText(
      `(module (memory 1) (data (i32.const 16) "\\2a") ${program("read", "(i32.load8_u (local.get 0))")})`,
    );
    expect(
      WebAssembly.Module.imports(new WebAssembly.Module(image.wasm))
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(["memory", "window_base"]);
    expect(load(image).start("read", 16)).toBe(42);
    expect(load({ ...image, data: [] }).start("read", 16)).toBe(0);
  });

  const p = program("main", "(local.get 0)");
  const REFUSALS: readonly (readonly [what: string, module: string, code: MachineErrorCode, says: RegExp])[] = [
    ["another function", `(import "env" "log" (func (param i32)))`, "FOREIGN_IMPORT", /env\.log\(i32\)/],
    [
      "a system call of another shape",
      `(import "env" "syscall" (func (param i32)))`,
      "FOREIGN_IMPORT",
      /env\.syscall\(i32\)/,
    ],
    [
      "Asyncify's own functions",
      `(import "asyncify" "start_unwind" (func (param i32)))`,
      "FOREIGN_IMPORT",
      /asyncify\.start_unwind/,
    ],
    ["a global", `(import "env" "window_base" (global (mut i32)))`, "FOREIGN_IMPORT", /global env\.window_base/],
    ["a table", `(import "env" "table" (table 1 funcref))`, "FOREIGN_IMPORT", /table env\.table/],
    ["a memory of another name", `(import "kernel" "memory" (memory 1))`, "FOREIGN_IMPORT", /memory kernel\.memory/],
    ["an exported table", `(table (export "t") 1 funcref)`, "FORBIDDEN_IN_USER_PROGRAM", /exported table t/],
    ["a start function", `(func $init) (start $init)`, "FORBIDDEN_IN_USER_PROGRAM", /start function, init/],
    [
      "a wait",
      `(memory 1 1 shared) (func $w (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))`,
      "FORBIDDEN_IN_USER_PROGRAM",
      /AtomicWait in w/,
    ],
    [
      "passive data",
      `(memory 1) (data $d "x") (func $i (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)))`,
      "FORBIDDEN_IN_USER_PROGRAM",
      /MemoryInit in i/,
    ],
    [
      "a table that changes",
      `(table $t 1 funcref) (func $i (table.set $t (i32.const 0) (ref.null func)))`,
      "FORBIDDEN_IN_USER_PROGRAM",
      /TableSet in i/,
    ],
    ["a name of ours", `(func $asyncify_start_unwind)`, "FORBIDDEN_IN_USER_PROGRAM", /asyncify_start_unwind/],
    [
      "a variable of ours",
      `(global $__asyncify_data (mut i32) (i32.const 0))`,
      "FORBIDDEN_IN_USER_PROGRAM",
      /__asyncify_data/,
    ],
    [
      "a variable that is a reference",
      `(global $r (mut funcref) (ref.null func))`,
      "FORBIDDEN_IN_USER_PROGRAM",
      /no number|initial value/,
    ],
    [
      "an access of 128 bits",
      `(memory 1) (func $s (drop (v128.load (i32.const 0))))`,
      "FORBIDDEN_IN_USER_PROGRAM",
      /Load in s/,
    ],
    [
      "an instruction that the passes do not know",
      `(memory 1) (func $s (drop (i8x16.all_true (i8x16.splat (i32.const 0)))))`,
      "FORBIDDEN_IN_USER_PROGRAM",
      /in s/,
    ],
    ["more memory than a window may have", `(memory 1000)`, "FORBIDDEN_IN_USER_PROGRAM", /largest is/],
  ];
  it.each(REFUSALS)("is refused with %s", async (_what, part, code, says) => {
    // Imports come first in a module.
    await expect(fromText(`(module ${part} ${p})`)).rejects.toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(says) }),
    );
  });

  it("is refused without a program", async () => {
    await expect(fromText(`(module (func (export "main")))`)).rejects.toThrow(
      expect.objectContaining({ code: "FORBIDDEN_IN_USER_PROGRAM" }),
    );
  });

  it("is refused when it is no module", async () => {
    await expect(transformUser(Uint8Array.of(1, 2, 3), OPTIONS)).rejects.toThrow(
      expect.objectContaining({ code: "INVALID_MODULE" }),
    );
  });
});
