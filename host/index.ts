/** What `import … from "wasm-livepatch"` gives. */
export { Machine } from "./machine.ts";
export { MachineError } from "./errors.ts";
export type { MachineErrorCode } from "./errors.ts";
export type { CallOptions } from "./abort.ts";
export { checkTrace } from "./check/oracle.ts";
export type { CallRecord, CheckedPatch, TracedCalls, Violation } from "./check/oracle.ts";
export type { ExecOptions, ExecResult } from "./console/exec.ts";
export type { Terminal } from "./console/terminal.ts";
export type { CpuState } from "./cpu/state.ts";
export type { MachineEvent } from "./events.ts";
export type { LoadedPatch, LoadOptions, PatchState, PatchStatus } from "./patch/patcher.ts";
export type { Tracing } from "./tracing.ts";
export type { StopTimes } from "./patch/stop-times.ts";
export type { Percentiles } from "./histogram.ts";
export type { ImageSource, MachineOptions } from "./options.ts";
export type { EngineFacts } from "./platform/platform.ts";
export type { PlatformName } from "./platform/platforms.ts";
export type { CounterReading, Counters, CpuStats, MachineStats } from "./stats.ts";
