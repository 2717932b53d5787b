/**
 * Which version of a watched function was called, by whom, in which trip: what the consistency checker reads.
 *
 * Debug images call klp_trace_call() at the beginning of every patchable function whose byte in KLP_WATCH is set. A
 * record is 32 bytes; the ring keeps the newest. Numbers are taken by an atomic add, so their order is one that every
 * CPU agrees on.
 */
import { ENOMEM } from "../abi";
import { cpu_id, this_cpu } from "../cpu/percpu";
import { PAGE_SIZE, PERCPU_IN_IRQ, PERCPU_TRIP } from "../layout";
import { alloc_pages, free_pages } from "../mm/page";
import { current, has_flag, TF_KGR } from "../sched/task";
import { KlpState, klp } from "./state";

const ORDER = 8; // 1 MiB, 32,768 records
export const RECORD = 32;
const RECORDS = (PAGE_SIZE << ORDER) / RECORD;

/** Address of the ring, or -errno. The host sets the bytes of KLP_WATCH. */
export function trace_start(): i32 {
  if (!klp().ring) klp().ring = alloc_pages(ORDER);
  if (!klp().ring) return -ENOMEM;
  memory.fill(klp().ring, 0, PAGE_SIZE << ORDER);
  atomic.store<i32>(changetype<usize>(klp()), 0, offsetof<KlpState>("records"));
  klp().tracing = 1;
  return <i32>klp().ring;
}

/** Nobody may be watched any more. */
export function trace_stop(): i32 {
  klp().tracing = 0;
  if (klp().ring) free_pages(klp().ring, ORDER);
  klp().ring = 0;
  return 0;
}

/** Version `id` of `slot` begins: record number, pid or -(cpu + 1) in interrupt, trip, slot, id, cpu, marked. */
@notrace export function klp_trace_call(id: i32, slot: i32): void {
  if (!klp().tracing) return;
  const number = atomic.add<i32>(changetype<usize>(klp()), 1, offsetof<KlpState>("records"));
  const at = klp().ring + <usize>((number & (RECORDS - 1)) * RECORD);
  const in_irq = load<i32>(this_cpu, PERCPU_IN_IRQ) != 0;
  store<i32>(at, in_irq ? -(cpu_id + 1) : current().pid, 4);
  store<i32>(at, in_irq ? load<i32>(this_cpu, PERCPU_TRIP) : current().trip, 8);
  store<i32>(at, slot, 12);
  store<i32>(at, id, 16);
  store<i32>(at, cpu_id, 20);
  store<i32>(at, has_flag(current(), TF_KGR) ? 1 : 0, 24);
  atomic.store<i32>(at, number + 1); // last: a record without its number is not read
}
