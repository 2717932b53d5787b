/**
 * The tracer's records, read from the rings themselves (kernel/trace/ring.ts).
 *
 * Contract: what is in the rings now, in order of time; a record that was overwritten while it was read is left out.
 * Invariant: nothing is written, so CPUs may go on recording.
 */
import {
  EVENT_CALLED,
  EVENT_CALLER,
  EVENT_FUNCTION,
  EVENT_KIND,
  EVENT_MARK,
  EVENT_MORE,
  EVENT_NAME,
  EVENT_NUMBER,
  EVENT_SIZE,
  EVENT_TASK,
  EVENT_TEXT,
  EVENT_TIME,
} from "../kernel/records.ts";
import {
  RING_BASE,
  RING_COUNT,
  RING_ERASED,
  RING_HEAD,
  TASK_NAME_SIZE,
  TRACE_RINGS,
  TRACE_RING_SIZE,
} from "../kernel/layout.ts";
import type { SharedMemory } from "./memory.ts";

export interface TraceRecord {
  readonly cpu: number;
  /** EVENT_* of kernel/records.ts. */
  readonly kind: number;
  /** Frame id. */
  readonly id: number;
  readonly pid: number;
  readonly comm: string;
  /** ns since boot. */
  readonly timeNs: number;
  /** Of a return: when the call was made. */
  readonly calledNs: number;
  /** Frame id of the caller; of function_graph's records the depth. */
  readonly caller: number;
  /** Of a marker. */
  readonly text: string;
}

export function traceRecords(memory: SharedMemory, cpus: number): TraceRecord[] {
  const all = Array.from({ length: cpus }, (_, cpu) => ringRecords(memory, cpu)).flat();
  return all.toSorted((left, right) => left.timeNs - right.timeNs);
}

function ringRecords(memory: SharedMemory, cpu: number): TraceRecord[] {
  const ring = TRACE_RINGS + cpu * TRACE_RING_SIZE;
  const [base, count] = [memory.load(ring + RING_BASE), memory.load(ring + RING_COUNT)];
  if (base === 0) return [];
  const records: TraceRecord[] = [];
  const head = memory.load(ring + RING_HEAD); // pairs with the store in ring_commit()
  for (let number = Math.max(memory.load(ring + RING_ERASED), head - count); number < head; number++) {
    const at = base + (number & (count - 1)) * EVENT_SIZE;
    const record = readRecord(memory, cpu, at);
    if (memory.load(at + EVENT_NUMBER) !== number + 1) continue;
    const last = records.at(-1);
    if (record.kind !== EVENT_MORE) records.push(record);
    else if (last?.kind === EVENT_MARK) {
      const part = memory.zeroEnded(at + EVENT_TEXT, EVENT_SIZE - EVENT_TEXT);
      records[records.length - 1] = { ...last, text: last.text + part };
    }
  }
  return records;
}

function readRecord(memory: SharedMemory, cpu: number, at: number): TraceRecord {
  return {
    cpu,
    kind: memory.load(at + EVENT_KIND),
    id: memory.load(at + EVENT_FUNCTION),
    pid: memory.load(at + EVENT_TASK),
    comm: memory.zeroEnded(at + EVENT_NAME, TASK_NAME_SIZE),
    timeNs: memory.loadDouble(at + EVENT_TIME),
    calledNs: memory.loadDouble(at + EVENT_CALLED),
    caller: memory.load(at + EVENT_CALLER),
    text: "",
  };
}
