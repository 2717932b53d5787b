/**
 * Trace rings: what each CPU recorded, in records of EVENT_SIZE bytes.
 *
 *   TRACE_RINGS[cpu] ─► base: [record | record | …]     record n lies at n modulo count
 *
 * Only the CPU itself writes to its ring, and nothing interrupts it there. When the ring is full the oldest record
 * goes. Readers take no lock: a record whose number is not the same before and after it was copied was overwritten
 * meanwhile, and counts as lost.
 */
import {
  EVENT_CALLED, EVENT_CALLER, EVENT_FLAGS, EVENT_FLAG_HARDIRQ, EVENT_FLAG_IRQS_OFF, EVENT_FLAG_PREEMPT, EVENT_FLAG_RESCHED, EVENT_FLAG_SOFTIRQ,
  EVENT_FUNCTION, EVENT_KIND, EVENT_NAME, EVENT_NUMBER, EVENT_SIZE, EVENT_TASK, EVENT_TIME,
} from "../records";
import { IN_HARDIRQ, IN_SOFTIRQ, need_resched } from "../cpu/irq";
import { cpu_id, this_cpu } from "../cpu/percpu";
import {
  PAGE_SIZE, PERCPU_IN_IRQ, PERCPU_IRQ_OFF, PERCPU_PREEMPT, RING_BASE, RING_COUNT, RING_ERASED, RING_HEAD, TASK_NAME, TASK_NAME_SIZE, TRACE_RINGS,
  TRACE_RING_SIZE,
} from "../layout";
import { alloc_pages, free_pages } from "../mm/page";
import { current } from "../sched/task";

@unmanaged
export class Ring {
  /** Its records, or 0; changed only while no CPU writes. */
  base: usize;
  /** Records that fit; a power of two. */
  count: i32;
  /** Records written so far; atomic, written by the ring's CPU. */
  head: i32;
  /** Records below this were cleared away. */
  erased: i32;
  /** Records below this were taken by trace_pipe. */
  taken: i32;
  /** Where its records are while it is being taken away. */
  hidden: usize;
}
if (<i32>offsetof<Ring>("base") != RING_BASE || <i32>offsetof<Ring>("count") != RING_COUNT) ERROR("Ring differs from layout.ts");
if (<i32>offsetof<Ring>("head") != RING_HEAD || <i32>offsetof<Ring>("erased") != RING_ERASED) ERROR("Ring differs from layout.ts");
if (<i32>offsetof<Ring>() > TRACE_RING_SIZE) ERROR("Ring no longer fits layout.ts");

@inline export function ring_of(cpu: i32): Ring {
  return changetype<Ring>(<usize>(TRACE_RINGS + cpu * TRACE_RING_SIZE));
}

@inline export function ring_head(ring: Ring): i32 {
  return atomic.load<i32>(changetype<usize>(ring), offsetof<Ring>("head")); // pairs with the store in ring_commit()
}

/** First record that is still there and was neither cleared nor taken. */
@notrace export function ring_first(ring: Ring): i32 {
  return max(max(ring.erased, ring.taken), ring_head(ring) - ring.count);
}

/** Records that were overwritten before anybody cleared or took them. */
@notrace export function ring_overrun(ring: Ring): i32 {
  return max(0, ring_head(ring) - ring.count - max(ring.erased, ring.taken));
}

/** Gives every ring memory; false when it is out. No CPU writes yet. */
@notrace export function rings_alloc(cpus: i32, order: i32): bool {
  for (let cpu = 0; cpu < cpus; cpu++) {
    const ring = ring_of(cpu);
    const base = alloc_pages(order);
    if (!base) {
      rings_free(cpus, order);
      return false;
    }
    memory.fill(base, 0, PAGE_SIZE << order);
    ring.count = (PAGE_SIZE << order) / EVENT_SIZE;
    ring.head = 0;
    ring.erased = 0;
    ring.taken = 0;
    ring.base = base;
  }
  return true;
}

/** CPUs that write from now on find no ring; rings_free() comes when nobody is at it any more. */
@notrace export function rings_hide(cpus: i32): void {
  for (let cpu = 0; cpu < cpus; cpu++) {
    ring_of(cpu).hidden = ring_of(cpu).base;
    ring_of(cpu).base = 0;
  }
}

/** Takes it back; no CPU writes, and nobody reads, any more. */
@notrace export function rings_free(cpus: i32, order: i32): void {
  for (let cpu = 0; cpu < cpus; cpu++) {
    const ring = ring_of(cpu);
    const base = ring.hidden ? ring.hidden : ring.base;
    if (base) free_pages(base, order);
    ring.base = 0;
    ring.hidden = 0;
    ring.count = 0;
    ring.head = 0;
    ring.erased = 0;
    ring.taken = 0;
  }
}

/** Begins a record of this CPU, or gives 0; the caller fills in what is its own and commits it at once. */
@notrace export function ring_reserve(kind: i32, time: f64): usize {
  const ring = ring_of(cpu_id);
  if (!ring.base) return 0;
  const at = ring.base + <usize>((ring.head & (ring.count - 1)) * EVENT_SIZE);
  atomic.store<i32>(at, 0, EVENT_NUMBER); // first: pairs with ring_copy(), which takes no half record
  store<i32>(at, kind, EVENT_KIND);
  store<f64>(at, time, EVENT_TIME);
  return at;
}

/** Says which task, in which context. */
@notrace export function ring_context(at: usize): void {
  const task = current();
  store<i32>(at, task.pid, EVENT_TASK);
  store<i32>(at, context_flags(), EVENT_FLAGS);
  memory.copy(at + EVENT_NAME, changetype<usize>(task) + TASK_NAME, TASK_NAME_SIZE);
}

@notrace function context_flags(): i32 {
  const inside = load<i32>(this_cpu, PERCPU_IN_IRQ);
  let flags = load<i32>(this_cpu, PERCPU_PREEMPT) * EVENT_FLAG_PREEMPT;
  if (load<i32>(this_cpu, PERCPU_IRQ_OFF)) flags |= EVENT_FLAG_IRQS_OFF;
  if (need_resched()) flags |= EVENT_FLAG_RESCHED;
  if (inside & IN_HARDIRQ) flags |= EVENT_FLAG_HARDIRQ;
  if (inside & IN_SOFTIRQ) flags |= EVENT_FLAG_SOFTIRQ;
  return flags;
}

/** The record that ring_reserve() gave is whole. */
@notrace export function ring_commit(at: usize): void {
  const ring = ring_of(cpu_id);
  const number = ring.head + 1;
  atomic.store<i32>(at, number, EVENT_NUMBER);
  atomic.store<i32>(changetype<usize>(ring), number, offsetof<Ring>("head")); // release; pairs with ring_head()
}

/** A record of a call: who is called, and a caller or a depth. */
@notrace export function ring_write(kind: i32, id: i32, caller: i32, time: f64, called: f64): void {
  const at = ring_reserve(kind, time);
  if (!at) return;
  store<i32>(at, id, EVENT_FUNCTION);
  store<i32>(at, caller, EVENT_CALLER);
  store<f64>(at, called, EVENT_CALLED);
  ring_context(at);
  ring_commit(at);
}

/** Copies record `number` to `to`; false when it is not there any more. */
@notrace export function ring_copy(ring: Ring, number: i32, to: usize): bool {
  if (!ring.base) return false;
  const at = ring.base + <usize>((number & (ring.count - 1)) * EVENT_SIZE);
  if (atomic.load<i32>(at, EVENT_NUMBER) != number + 1) return false;
  memory.copy(to, at, EVENT_SIZE);
  return atomic.load<i32>(at, EVENT_NUMBER) == number + 1; // pairs with the stores in ring_reserve() and ring_commit()
}
