/**
 * Traced calls as Chrome trace events, which ui.perfetto.dev opens: a track per task.
 *
 * Contract: function_graph's calls are spans from call to return, on whatever CPUs they ran; the function tracer's calls,
 * and markers, are instants. Invariant: spans of a track nest, for a task's calls do.
 */
import { EVENT_CALL, EVENT_MARK, EVENT_RETURN } from "../kernel/records.ts";
import type { TraceRecord } from "./trace-records.ts";

export interface CallEvent {
  readonly name: string;
  readonly ph: "M" | "X" | "i";
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly s?: "t";
  readonly args: Readonly<Record<string, number | string>>;
}

export interface CallTrace {
  readonly traceEvents: readonly CallEvent[];
  readonly displayTimeUnit: "ns";
}

const US = 1000;
const MACHINE = 1;
/** Behind every pid. */
const IDLE_TRACKS = 1_000_000;

export function callTrace(records: readonly TraceRecord[], nameOf: (id: number) => string): CallTrace {
  const tasks = new Map(records.map((record) => [trackOf(record), record.comm]));
  const named = [...tasks].map(([tid, comm]): CallEvent => ({
    name: "thread_name",
    ph: "M",
    pid: MACHINE,
    tid,
    args: { name: comm },
  }));
  const process: CallEvent = { name: "process_name", ph: "M", pid: MACHINE, tid: 0, args: { name: "kernel" } };
  return { traceEvents: [process, ...named, ...records.flatMap((one) => eventOf(one, nameOf))], displayTimeUnit: "ns" };
}

/** Every CPU has an idle task, all with pid 0. */
function trackOf({ pid, cpu }: TraceRecord): number {
  return pid || IDLE_TRACKS + cpu;
}

function eventOf(record: TraceRecord, nameOf: (id: number) => string): CallEvent[] {
  const { kind, id, cpu, timeNs, calledNs, caller, text } = record;
  const tid = trackOf(record);
  const instant = (name: string, args: CallEvent["args"]): CallEvent[] => [
    { name, ph: "i", pid: MACHINE, tid, ts: timeNs / US, s: "t", args },
  ];
  if (kind === EVENT_MARK) return instant(text, { cpu });
  if (kind === EVENT_CALL) return instant(nameOf(id), { cpu, caller: nameOf(caller) });
  if (kind !== EVENT_RETURN) return []; // the call's end tells both
  const span = { ts: calledNs / US, dur: (timeNs - calledNs) / US };
  return [{ name: nameOf(id), ph: "X", pid: MACHINE, tid, ...span, args: { cpu } }];
}
