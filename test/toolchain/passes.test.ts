/** What each pass emits: `fixtures/passes/<pass>.wat` beside `<pass>.after.wat`. */
import { describe, expect, it } from "vitest";
import { FAR_DATA, nameAddresses, namedAddresses, staticObjects } from "../../host/toolchain/passes/addresses.ts";
import { assertAtomicCalls } from "../../host/toolchain/passes/atomic-asserts.ts";
import { asyncify, simplify } from "../../host/toolchain/passes/asyncify.ts";
import { memoryName, takeDataSegments } from "../../host/toolchain/passes/data-segments.ts";
import { finish } from "../../host/toolchain/passes/finish.ts";
import { numberFrames } from "../../host/toolchain/passes/frames.ts";
import { checkGlobals } from "../../host/toolchain/passes/globals.ts";
import { addHeadroom } from "../../host/toolchain/passes/headroom.ts";
import { fillTable, hookCalls, planSlots } from "../../host/toolchain/passes/hooks.ts";
import { maySleep } from "../../host/toolchain/passes/may-sleep.ts";
import { importRuntime, importSlots, keepOnly, reachable } from "../../host/toolchain/passes/patch-links.ts";
import { exportPerCpu, importPerCpu } from "../../host/toolchain/passes/percpu.ts";
import { insertSafepoints } from "../../host/toolchain/passes/safepoints.ts";
import { checkStaticData } from "../../host/toolchain/passes/static-data.ts";
import { insertStepPoints } from "../../host/toolchain/passes/step-points.ts";
import { addSlowStubs } from "../../host/toolchain/passes/slow-stubs.ts";
import { addTraceStubs } from "../../host/toolchain/passes/trace-stubs.ts";
import { traceVersions } from "../../host/toolchain/passes/version-trace.ts";
import { moveGlobals } from "../../host/toolchain/passes/user-globals.ts";
import { checkUserRules } from "../../host/toolchain/passes/user-rules.ts";
import { confineToWindow } from "../../host/toolchain/passes/user-window.ts";
import type { Unit } from "../../host/toolchain/unit.ts";
import { expectPass, unitOf } from "./fixture.ts";

const NONE: ReadonlySet<string> = new Set();
const IN_FRAMES = ["kernel/a/read", "kernel/a/pause"];
const unwindable = (unit: Unit, expected: readonly string[], indirect: readonly string[] = []): void =>
  asyncify(unit, {
    globals: "export",
    indirect,
    imports: [],
    never: ["kernel/a/run"],
    expected: new Set(expected),
    optimizeLevel: 2,
  });

describe("a kernel pass", () => {
  it("globals lets per-CPU variables, constants and the compiler's own counter pass", () =>
    expectPass("globals", checkGlobals));

  it("percpu exports variables of a CPU, and leaves constants and Asyncify's globals alone", () =>
    expectPass("percpu", (unit) => expect(exportPerCpu(unit)).toEqual(["kernel/a/this_cpu", "kernel/a/share"])));

  it("percpu lets a patch share those variables that the kernel has, and keep its own", async () => {
    const unit = await unitOf(`(module (global $kernel/a/this_cpu (mut i32) (i32.const 0))
      (global $patch/mine (mut i32) (i32.const 7))
      (func (export "get") (result i32) (i32.add (global.get $kernel/a/this_cpu) (global.get $patch/mine))))`);
    importPerCpu(unit, ["kernel/a/this_cpu"]);
    const env = { "percpu:kernel/a/this_cpu": new WebAssembly.Global({ value: "i32", mutable: true }, 35) };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(unit.m.emitBinary()), { env });
    expect((exports["get"] as () => number)()).toBe(42);
  });

  it("static-data lets reads of static data and writes elsewhere pass", () =>
    expectPass("static-data", checkStaticData));

  it("may-sleep finds callers of the switch and callers of sleeping pointers, up to @bare", async () => {
    await expectPass("asyncify", (unit) => {
      const sleepable = maySleep(unit);
      expect([...sleepable].toSorted()).toEqual(["kernel/a/context_switch", "kernel/a/dispatch", "kernel/a/read"]);
      unwindable(unit, ["kernel/a/dispatch", "kernel/a/read"], ["kernel/a/dispatch"]);
    });
  });

  it("safepoints puts one check into loops of sleepable functions that own a slot", () =>
    expectPass("safepoints", (unit) => insertSafepoints(unit, new Set(["kernel/a/sleepy", "kernel/a/hidden"]), NONE)));

  it("step-points comes before atomics and hooked calls, between their operands and themselves", () =>
    expectPass("step-points", (unit) => insertStepPoints(unit, { atomic: 1, call: 2 }, NONE)));

  it("frames pops the id first, checks before it writes, and pushes the id last", () =>
    expectPass("frames", (unit) => {
      simplify(unit, 2);
      unwindable(unit, IN_FRAMES);
      const ids = new Map(IN_FRAMES.map((name, index) => [name, index + 1]));
      const sizes = numberFrames(unit, ids, "kernel/a/stack_end_hit");
      expect([...sizes]).toEqual([
        ["kernel/a/read", 4 + 8 + 4],
        ["kernel/a/pause", 4 + 4],
      ]);
    }));

  it("atomic-asserts traps where an atomic function's pointer call unwound", () =>
    expectPass("atomic-asserts", (unit) => assertAtomicCalls(unit, new Set(["kernel/a/sleepy"]))));

  it("hooks turns direct calls of patchable functions into calls through the slot that pointers use", () =>
    expectPass("hooks", (unit) => {
      const plan = planSlots(unit, true);
      expect(Object.fromEntries(plan.slots)).toEqual({ "kernel/a/add": 1, "kernel/a/apply": 3 });
      hookCalls(unit, plan);
      fillTable(unit, plan, { slow: new Map(), trace: new Map() });
    }));

  it("hooks leaves direct calls alone in an image without hooks", async () => {
    const unit = await unitOf(`(module (func $kernel/a/f) (func $kernel/a/g (call $kernel/a/f)))
;;! function kernel/a/f
;;! function kernel/a/g`);
    const before = unit.m.emitText();
    const plan = planSlots(unit, false);
    expect(plan.slots.size).toBe(0);
    hookCalls(unit, plan);
    expect(unit.m.emitText().replace(/ \((table|export "table").*\n/g, "")).toBe(before);
  });

  it.each([
    { kind: "with its small version inside", rewound: false, whileRewound: 300 },
    { kind: "in front of a version that may be on a saved stack", rewound: true, whileRewound: 200 },
  ])("slow-stubs runs what each side is to run, $kind", async ({ rewound, whileRewound }) => {
    const unit = await unitOf(`(module (memory (export "memory") 1) (table $0 4 funcref)
      (elem (i32.const 1) $original $older $version)
      (global $side (export "side") (mut i32) (i32.const 0))
      (global $__asyncify_state (export "state") (mut i32) (i32.const 0))
      (func $original (param i32) (result i32) (i32.const 100))
      (func $older (param i32) (result i32) (i32.const 200))
      (func $klp_target (param i32) (result i32) (i32.const 2))
      (func $version (param i32) (result i32) (local i32) (local.set 1 (i32.const 300)) (local.get 1)))`);
    const choice = { address: 512, stride: 20, side: "side", rewound: () => rewound };
    const plan = { table: "0", slots: new Map([["version", 7]]), choice, versionOf: () => unit.m.i32.const(3) };
    expect([...addSlowStubs(unit, plan)]).toEqual([[7, "slow:version"]]);
    unit.m.addFunctionExport("slow:version", "stub");
    expect(unit.m.emitText().includes("(return_call $version")).toBe(rewound);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(unit.m.emitBinary()));
    const { memory, side, state, stub } = exports as {
      memory: WebAssembly.Memory;
      side: WebAssembly.Global<"i32">;
      state: WebAssembly.Global<"i32">;
      stub: (value: number) => number;
    };
    new Int32Array(memory.buffer).set([1, 3], (512 + 7 * 20) / 4);
    expect(stub(0)).toBe(100);
    side.value = 4;
    expect(stub(0)).toBe(300);
    state.value = 2; // rewinding
    expect(stub(0)).toBe(whileRewound);
  });

  it("stubs makes a slow and a trace stub with each function's own signature", () =>
    expectPass("stubs", (unit) => {
      const plan = planSlots(unit, true);
      const versionOf = (slot: number): number => unit.m.i32.const(plan.stride + slot);
      fillTable(unit, plan, { slow: addSlowStubs(unit, { ...plan, versionOf }), trace: addTraceStubs(unit, plan) });
    }));

  it("version-trace reports calls of watched functions, but not frames that are rewound", () =>
    expectPass("version-trace", (unit) => {
      const traced = new Map([
        ["kernel/a/add", { id: 5, slot: 1 }],
        ["kernel/a/helper", { id: 6, slot: 0 }],
      ]);
      const layout = new Map([["KLP_WATCH", 4096]]);
      traceVersions(unit, traced, { record: "kernel/a/klp_trace_call", layout, base: "frame_base" });
    }));

  it("data-segments moves static data out and widens the memory import", () =>
    expectPass("data-segments", (unit) => {
      const blocks = takeDataSegments(unit, memoryName(unit)).map(({ address, bytes }) => [
        address,
        new TextDecoder().decode(bytes),
      ]);
      expect(blocks).toEqual([
        [8192, "one"],
        [8208, "two"],
      ]);
    }));

  it("headroom puts a function with a large frame in the place of the import", () =>
    expectPass("headroom", (unit) => addHeadroom(unit, 3)));

  it("finish keeps equal functions apart and indirect calls indirect", () =>
    expectPass("finish", (unit) => {
      const { wasm } = finish(unit, 3, "");
      const table = new WebAssembly.Instance(new WebAssembly.Module(wasm)).exports;
      (table["table"] as WebAssembly.Table).set(1, null);
      expect(() => (table["call"] as () => number)()).toThrow();
    }));
});

describe("a pass over user programs", () => {
  it("user-rules leaves programs exported and nothing else", () =>
    expectPass("user-rules", (unit) => expect(checkUserRules(unit)).toEqual([{ name: "main", export: "main" }])));

  it("user-globals turns variables into words of the window", () =>
    expectPass("user-globals", (unit) => {
      const { address, bytes } = moveGlobals(unit, 64, 1024);
      expect(address).toBe(64);
      expect(new Int32Array(bytes.buffer)[0]).toBe(5);
      expect(new Float64Array(bytes.buffer)[1]).toBe(0.5);
    }));

  it("user-globals refuses more variables than fit", async () => {
    const unit = await unitOf(`(module (memory 1) (global (mut i32) (i32.const 1)) (global (mut i32) (i32.const 2)))`);
    expect(() => moveGlobals(unit, 64, 72)).toThrow(/2 variables; 1 fit/);
  });

  it("user-window folds addresses, checks ranges, and keeps the memory's size", () =>
    expectPass("user-window", (unit) => confineToWindow(unit, 4096)));
});

describe("a patch pass", () => {
  it("addresses names those constants that lie in static data", () =>
    expectPass("addresses", (unit) => {
      const objects = staticObjects(unit);
      expect(objects.map(({ address, pointers }) => [address - FAR_DATA, pointers])).toEqual([
        [0, [4]],
        [8, []],
      ]);
      nameAddresses(unit, NONE);
      const [fn] = unit.functions();
      expect([...namedAddresses(unit, fn!)].map((address) => address - FAR_DATA).toSorted()).toEqual([4, 8]);
    }));

  it("patch-links keeps what changed with its helpers, and takes the rest from the kernel", () =>
    expectPass("patch-links", (unit) => {
      importSlots(
        unit,
        new Map([
          ["kernel/a/changed", 2],
          ["kernel/a/other", 1],
        ]),
      );
      importRuntime(unit);
      const kept = reachable(unit, ["kernel/a/changed"]).map(({ name }) => name);
      expect(kept).toEqual(["kernel/a/changed", "kernel/a/helper"]);
      keepOnly(unit, ["kernel/a/changed"]);
    }));
});
