/**
 * Which version of a watched function was called, by whom, in which trip: what the consistency checker reads.
 *
 *   ring: [ taken | read | … ] [record] [record] …      32 bytes each; `read` is the host's word
 *
 * Debug images call klp_trace_call() where a patchable function begins, and where it ends, if its byte in KLP_WATCH is
 * set.
 * Numbers are taken by an atomic add, so their order is one that every CPU agrees on. A full ring drops what comes
 * until the host has read it: a record is never overwritten while it is being read.
 */
import { ENOMEM } from "../abi";
import { cpu_id, this_cpu } from "../cpu/percpu";
import { PAGE_SIZE, PERCPU_IN_IRQ, PERCPU_TRIP, TRACE_CPU, TRACE_ID, TRACE_MARKED, TRACE_NUMBER, TRACE_READ, TRACE_RECORD, TRACE_RECORDS, TRACE_SLOT, TRACE_TAKEN, TRACE_TASK, TRACE_TRIP } from "../layout";
import { schedule_on_each_cpu } from "../process/workqueue";
import { alloc_pages, free_pages } from "../mm/page";
import { current, has_flag, TF_KGR } from "../sched/task";
import { wait_a_little } from "./poke";
import { KlpState, klp } from "./state";

const ORDER = 8;
if (TRACE_RECORD * (TRACE_RECORDS + 1) > PAGE_SIZE << ORDER) ERROR("the ring's records no longer fit its pages");

/** Address of the ring, or -errno. The host sets the bytes of KLP_WATCH. */
export function trace_start(): i32 {
  if (klp().ring) return <i32>klp().ring;
  const ring = alloc_pages(ORDER);
  if (!ring) return -ENOMEM;
  memory.fill(ring, 0, PAGE_SIZE << ORDER);
  // Last, so that whoever finds the ring finds it empty. Pairs with the load in klp_trace_call().
  atomic.store<u32>(changetype<usize>(klp()), <u32>ring, offsetof<KlpState>("ring"));
  return <i32>ring;
}

/** Ends it. Sleeps until every CPU has been in process context, so that none still writes. */
export function trace_stop(): i32 {
  const ring = klp().ring;
  if (!ring) return 0;
  atomic.store<u32>(changetype<usize>(klp()), 0, offsetof<KlpState>("ring"));
  for (let round = 0; schedule_on_each_cpu(nothing) != 0; round++) wait_a_little(round);
  free_pages(ring, ORDER);
  return 0;
}

function nothing(cpu: i32): void {}

/** Version `id` of `slot` begins, or version `~id` ends; `slot` is 0 for a function that only the patch has. */
@notrace export function klp_trace_call(id: i32, slot: i32): void {
  const ring = <usize>atomic.load<u32>(changetype<usize>(klp()), offsetof<KlpState>("ring"));
  if (!ring) return;
  const number = atomic.add<i32>(ring, 1, TRACE_TAKEN);
  // Unsigned: one that was overtaken by the reader is dropped like one that is too far ahead.
  if (<u32>(number - atomic.load<i32>(ring, TRACE_READ)) >= <u32>TRACE_RECORDS) return;
  const at = ring + <usize>((<u32>number % <u32>TRACE_RECORDS + 1) * TRACE_RECORD);
  const in_irq = load<i32>(this_cpu, PERCPU_IN_IRQ) != 0;
  store<i32>(at, in_irq ? -(cpu_id + 1) : current().pid, TRACE_TASK);
  store<i32>(at, in_irq ? load<i32>(this_cpu, PERCPU_TRIP) : current().trip, TRACE_TRIP);
  store<i32>(at, slot, TRACE_SLOT);
  store<i32>(at, id, TRACE_ID);
  store<i32>(at, cpu_id, TRACE_CPU);
  store<i32>(at, has_flag(current(), TF_KGR) ? 1 : 0, TRACE_MARKED);
  atomic.store<i32>(at, number + 1, TRACE_NUMBER); // last: a record without its number is not read
}
