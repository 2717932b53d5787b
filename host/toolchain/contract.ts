/**
 * The kernel functions that generated code calls by name.
 *
 * Idea: the toolchain and the kernel meet in nine functions; this table is the whole of it.
 * Contract: each is found by the last part of its name and has exactly this signature, else the build is refused.
 * Invariant: none of them owns a slot, so a patch can never come between a stub and the code that decides for it.
 */
import { MachineError } from "../errors.ts";
import type { Unit } from "./unit.ts";

/** name → parameters → results, and who calls it. */
export const RUNTIME_FUNCTIONS = {
  loop_safepoint: { signature: "()", calledBy: "loops of functions that may sleep" },
  step_point: { signature: "(i32)", calledBy: "everything that another CPU could come between (stepped image)" },
  stack_end_hit: { signature: "()", calledBy: "a frame that does not fit on its task's saved stack" },
  klp_target: { signature: "(i32)->i32", calledBy: "slow stubs: slot → table index of the version to run" },
  trace_enter: { signature: "(i32)", calledBy: "trace stubs: a new call of this slot begins" },
  trace_next: { signature: "(i32)->i32", calledBy: "trace stubs: slot → table index of what to call" },
  klp_trace_call: {
    signature: "(i32,i32)",
    calledBy: "watched functions of debug images: version (its complement at the end), slot",
  },
  debug_line: { signature: "(i32,i32,i32)", calledBy: "lines of pr_debug() that are on: number, name, number to show" },
  trace_exit: { signature: "(i32)", calledBy: "trace stubs: the call of this slot has returned" },
} as const;

export type RuntimeFunction = keyof typeof RUNTIME_FUNCTIONS;

/** The module's name of a runtime function. Refuses a kernel that lacks it, or has it with another signature. */
export function runtimeFunction(unit: Unit, name: RuntimeFunction): string {
  const { signature, calledBy } = RUNTIME_FUNCTIONS[name];
  const found = [...unit.functions(), ...unit.imports()].find((fn) => unit.shortName(fn.name) === name);
  if (!found) {
    throw new MachineError(
      "MISSING_RUNTIME_FUNCTION",
      `the kernel has no function ${name}${signature}, which is called by ${calledBy}`,
      `Export it from kernel/main.ts; unused functions are not compiled.`,
    );
  }
  const actual = unit.signature(found);
  if (actual !== signature) {
    throw new MachineError(
      "MISSING_RUNTIME_FUNCTION",
      `${found.name} has the signature ${actual}; generated code calls ${name}${signature}`,
      `Change the kernel function, or RUNTIME_FUNCTIONS in host/toolchain/contract.ts with all who generate calls.`,
    );
  }
  return found.name;
}
