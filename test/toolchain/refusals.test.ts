/** What the kernel passes refuse: each rule broken in the smallest way, with the code and the names in the words. */
import { describe, expect, it } from "vitest";
import type { MachineErrorCode } from "../../host/errors.ts";
import { runtimeFunction } from "../../host/toolchain/contract.ts";
import { asyncify } from "../../host/toolchain/passes/asyncify.ts";
import { finish } from "../../host/toolchain/passes/finish.ts";
import { numberFrames } from "../../host/toolchain/passes/frames.ts";
import { checkGlobals } from "../../host/toolchain/passes/globals.ts";
import { hookCalls, planSlots } from "../../host/toolchain/passes/hooks.ts";
import { maySleep } from "../../host/toolchain/passes/may-sleep.ts";
import { insertSafepoints } from "../../host/toolchain/passes/safepoints.ts";
import { checkStaticData } from "../../host/toolchain/passes/static-data.ts";
import { insertStepPoints } from "../../host/toolchain/passes/step-points.ts";
import { addSlowStubs } from "../../host/toolchain/passes/slow-stubs.ts";
import { traceVersions } from "../../host/toolchain/passes/version-trace.ts";
import type { Unit } from "../../host/toolchain/unit.ts";
import { unitOf } from "./fixture.ts";

/** Two functions, one sleeps; the table of pointers to them at 8192, an array of pointers at 8224. */
const sleeper = (rest: string): string => `
;;! function kernel/a/context_switch @notrace
;;! function kernel/a/wait
;;! function kernel/a/count
;;! pointer 8192 1 kernel/a/wait
;;! pointer 8200 2 kernel/a/count
(module
 (import "asyncify" "start_unwind" (func $start_unwind (param i32)))
 (type $v (func))
 (memory 1)
 (data (i32.const 8192) "\\01\\00\\00\\00\\00\\00\\00\\00\\02\\00\\00\\00\\00\\00\\00\\00")
 (data (i32.const 8224) "\\00\\20\\00\\00\\08\\20\\00\\00")
 (global $kernel/a/HANDLERS i32 (i32.const 8224))
 (table 3 funcref)
 (func $kernel/a/context_switch (call $start_unwind (i32.const 0)))
 (func $kernel/a/wait (call $kernel/a/context_switch))
 (func $kernel/a/count)
 ${rest}
)`;

interface Refusal {
  readonly when: string;
  readonly code: MachineErrorCode;
  readonly says: RegExp;
  readonly module: string;
  readonly pass: (unit: Unit) => void;
}

const REFUSALS: readonly Refusal[] = [
  {
    when: "a mutable global is not declared per CPU",
    code: "SHARED_STATE_IN_GLOBAL",
    says: /kernel\/a\/tasks/,
    module: `(module (global $kernel/a/tasks (mut i32) (i32.const 0)))`,
    pass: checkGlobals,
  },
  {
    when: "there is code at top level",
    code: "TOP_LEVEL_CODE",
    says: /~start/,
    module: `(module (func $~start) (start $~start))`,
    pass: checkGlobals,
  },
  {
    when: "an initialiser at top level calls a function",
    code: "TOP_LEVEL_CODE",
    says: /start:kernel\/a/,
    module: `(module (export "_start" (func $~start)) (func $~start (call $start:kernel/a))
      (func $start:kernel/a (call $kernel/a/f)) (func $kernel/a/f))`,
    pass: checkGlobals,
  },
  ...[
    [`(i32.store (i32.const 8196) (i32.const 1))`, "a constant address"],
    [`(i32.store offset=4 (i32.add (i32.const 8192) (local.get 0)) (i32.const 1))`, "an indexed address"],
    [`(i32.store (global.get $A) (i32.const 1))`, "the address in a constant"],
    [
      `(call $~lib/staticarray/StaticArray<i32>#__set (i32.const 8192) (local.get 0) (i32.const 1))`,
      "the library's setter",
    ],
  ].map(([code, how]): Refusal => ({
    when: `static data is written through ${how}`,
    code: "STATIC_DATA_WRITTEN",
    says: /kernel\/a\/f writes to static data at 819[26]/,
    module: `(module (memory 1) (data (i32.const 8192) "12345678") (global $A i32 (i32.const 8192))
      (func $~lib/staticarray/StaticArray<i32>#__set (param i32 i32 i32)) (func $kernel/a/f (param i32) ${code}))`,
    pass: checkStaticData,
  })),
  {
    when: "a function calls a pointer and does not say what it may do",
    code: "UNDECLARED_INDIRECT_CALL",
    says: /kernel\/a\/call .*whether/,
    module: `(module (type $v (func)) (table 2 funcref) (func $kernel/a/call (call_indirect (type $v) (i32.const 1))))`,
    pass: maySleep,
  },
  {
    when: "a pointer is handed to a function that does not say what it does with it",
    code: "UNDECLARED_POINTER",
    says: /kernel\/a\/f hands kernel\/a\/count to kernel\/a\/keep/,
    module: sleeper(`(func $kernel/a/keep (param i32)) (func $kernel/a/f (call $kernel/a/keep (i32.const 8200)))`),
    pass: maySleep,
  },
  {
    when: "a sleeping function is handed to an atomic one",
    code: "SLEEPING_FUNCTION_IN_ATOMIC",
    says: /kernel\/a\/wait to kernel\/a\/timer_setup.*kernel\/a\/wait -> kernel\/a\/context_switch -> start_unwind/s,
    module: `;;! function kernel/a/timer_setup @atomic
${sleeper(`(func $kernel/a/timer_setup (param i32)) (func $kernel/a/f (call $kernel/a/timer_setup (i32.const 8192)))`)}`,
    pass: maySleep,
  },
  {
    when: "an atomic function uses an array that holds a sleeping function",
    code: "SLEEPING_FUNCTION_IN_ATOMIC",
    says: /kernel\/a\/run_irq \(a\.ts:1\) hands kernel\/a\/wait/,
    module: `;;! function kernel/a/run_irq @atomic
${sleeper(`(func $kernel/a/run_irq (param i32)
  (call_indirect (type $v) (i32.load (i32.load (i32.add (global.get $kernel/a/HANDLERS) (local.get 0))))))`)}`,
    pass: maySleep,
  },
  {
    when: "a function with optional parameters is called through a pointer",
    code: "OPTIONAL_PARAMETERS_BEHIND_POINTER",
    says: /kernel\/a\/count/,
    module: sleeper("").replace("2 kernel/a/count", "2 kernel/a/count optional"),
    pass: maySleep,
  },
  {
    when: "a stub would call a function that sleeps",
    code: "RUNTIME_FUNCTION_NOT_QUIET",
    says: /kernel\/a\/klp_target runs inside stubs, but kernel\/a\/klp_target may sleep/,
    module: `;;! function kernel/a/klp_target @notrace
;;! function kernel/a/lock @notrace
${sleeper(`(func $kernel/a/lock (call $kernel/a/context_switch)) (func $kernel/a/klp_target (call $kernel/a/lock))`)}`,
    pass: maySleep,
  },
  {
    when: "a stub would call a function that has a stub itself",
    code: "RUNTIME_FUNCTION_NOT_QUIET",
    says: /kernel\/a\/trace_enter -> kernel\/a\/count .* owns a slot/,
    module: `;;! function kernel/a/trace_enter @notrace
${sleeper(`(func $kernel/a/trace_enter (call $kernel/a/count))`)}`,
    pass: maySleep,
  },
  {
    when: "a loop needs a safepoint that the kernel does not have",
    code: "MISSING_RUNTIME_FUNCTION",
    says: /loop_safepoint\(\)/,
    module: `(module (func $kernel/a/f (loop $l (br $l))))\n;;! function kernel/a/f`,
    pass: (unit) => insertSafepoints(unit, new Set(["kernel/a/f"]), new Set()),
  },
  {
    when: "a stepped image needs a step point that the kernel does not have",
    code: "MISSING_RUNTIME_FUNCTION",
    says: /step_point\(i32\)/,
    module: `(module (func $kernel/a/f))`,
    pass: (unit) => insertStepPoints(unit, { atomic: 1, call: 2 }, new Set()),
  },
  {
    when: "stubs need a dispatcher that the kernel does not have",
    code: "MISSING_RUNTIME_FUNCTION",
    says: /klp_target\(i32\)->i32/,
    module: `(module (func $kernel/a/f))\n;;! function kernel/a/f`,
    pass: (unit) => void addSlowStubs(unit, planSlots(unit, true)),
  },
  {
    when: "the record of a watched call would sleep",
    code: "RUNTIME_FUNCTION_NOT_QUIET",
    says: /kernel\/a\/klp_trace_call runs inside stubs, but kernel\/a\/klp_trace_call may sleep/,
    module: `;;! function kernel/a/klp_trace_call @notrace
${sleeper(`(func $kernel/a/klp_trace_call (call $kernel/a/context_switch))`)}`,
    pass: maySleep,
  },
  {
    when: "the layout has no bytes by which functions are watched",
    code: "BAD_LAYOUT_FILE",
    says: /has no KLP_WATCH/,
    module: `(module (func $kernel/a/f))\n;;! function kernel/a/f`,
    pass: (unit) =>
      traceVersions(unit, new Map([["kernel/a/f", { id: 1, slot: 1 }]]), { record: "", layout: new Map() }),
  },
  {
    when: "a runtime function has another signature than generated code calls",
    code: "MISSING_RUNTIME_FUNCTION",
    says: /kernel\/a\/klp_target has the signature \(i64\)/,
    module: `(module (func $kernel/a/klp_target (param i64)))`,
    pass: (unit) => void runtimeFunction(unit, "klp_target"),
  },
  {
    when: "Asyncify makes a function unwind that may not sleep",
    code: "ASYNCIFY_DISAGREES",
    says: /kernel\/a\/wait can unwind but may not sleep/,
    module: sleeper(`(export "wait" (func $kernel/a/wait))`),
    pass: (unit) =>
      asyncify(unit, {
        globals: "export",
        indirect: [],
        imports: [],
        never: [],
        expected: new Set(),
        optimizeLevel: 0,
      }),
  },
  {
    when: "a frame's pushes and pops do not balance",
    code: "FRAME_LAYOUT",
    says: /kernel\/a\/f pushes 0 bytes/,
    module: `(module (func $kernel/a/f (block $__asyncify_unwind (br $__asyncify_unwind)) (nop)))`,
    pass: (unit) => void numberFrames(unit, new Map([["kernel/a/f", 1]]), "stack_end_hit"),
  },
  {
    when: "a function holds an instruction that the passes do not know",
    code: "UNKNOWN_EXPRESSION",
    says: /TupleMake|SIMD/,
    module: `(module (memory 1) (func $kernel/a/f (drop (i32x4.extract_lane 0 (v128.const i32x4 0 0 0 0)))))`,
    pass: (unit) => hookCalls(unit, planSlots(unit, true)),
  },
  {
    when: "a module is not valid",
    code: "INVALID_MODULE",
    says: /Binaryen does not accept/,
    module: `(module (func $kernel/a/f (result i32) (i32.add (i32.const 1) (f64.const 1))))`,
    pass: (unit) => void finish(unit, 0, ""),
  },
];

describe("the toolchain refuses a kernel in which", () => {
  it.each(REFUSALS)("$when", async ({ code, says, module, pass }) => {
    const unit = await unitOf(module);
    expect(() => pass(unit)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(says) }));
  });
});
