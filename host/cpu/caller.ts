/**
 * Who called the function whose trace stub runs: the engine's stack knows, and no call pays for it that is not traced.
 *
 *   trace_caller (JavaScript) ◄ trace_enter ◄ trace:pipe_read ◄ vfs_read      the answer: frame id of vfs_read
 *
 * Contract: a frame id, or 0 for a caller without one. Invariant: the same stack gives the same answer in every engine
 * that prints stacks as V8 does.
 */
import { parseFrame } from "./backtrace.ts";

/** Frames between JavaScript and the caller, with those that an engine that inlines little adds. */
const DEPTH = 10;
const TRACE_STUB = "trace:";

export function callerOf(frameIds: ReadonlyMap<string, number>): () => number {
  /** By the line that the engine prints, which holds the offset of the call. */
  const known = new Map<string, string>();
  const nameIn = (line: string): string => {
    let name = known.get(line);
    if (name === undefined) known.set(line, (name = parseFrame(line)?.path ?? ""));
    return name;
  };
  return () => {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = DEPTH;
    const lines = (new Error().stack ?? "").split("\n");
    Error.stackTraceLimit = limit;
    const stub = lines.findIndex((line) => nameIn(line).startsWith(TRACE_STUB));
    // A slow stub between them leaves no frame.
    const above = stub < 0 ? undefined : lines[stub + 1];
    return above === undefined ? 0 : (frameIds.get(nameIn(above)) ?? 0);
  };
}
