/**
 * Turning tracers on and off.
 *
 * Who changes something holds the mutex, one task at a time, marks the slots that are wanted and has livepatchd change
 * the entries. Rings and return stacks are there before the first stub and go after the last: every CPU has passed a
 * safepoint since, so no stub is still running.
 */
import { EINVAL, ENOMEM } from "../abi";
import { MACHINE, MACHINE_CPUS, MACHINE_SYMBOL_COUNT, PAGE_SIZE, SYMBOL_SLOT, TRACE_LOCK, TRACE_LOCK_SIZE } from "../layout";
import { KlpState, klp } from "../livepatch/state";
import { is_slot } from "../livepatch/func_stack";
import { wait_a_little } from "../livepatch/poke";
import { tracing_asked } from "../livepatch/entries";
import { MUTEX_SIZE, Mutex, mutex_init, mutex_lock, mutex_unlock } from "../lock/mutex";
import { MAX_ORDER } from "../mm/page";
import { wake_up_task } from "../sched/core";
import { symbol_row } from "../sched/stacktrace";
import { graph_stacks_alloc, graph_stacks_free } from "./graph_tasks";
import { ring_head, ring_of, rings_alloc, rings_free, rings_hide } from "./ring";
import {
  MARK_CHOSEN, MARK_FILTER, MARK_GRAPH, MARK_LINGERS, MARK_NOTRACE, MARK_PROBED, MARK_WANTED, SLOT_END, TRACER_GRAPH, TRACER_NOP, function_of, marks_of, set_function, set_marks, tracing,
} from "./state";

/** Pages per CPU at first: 64 KiB. */
const FIRST_ORDER = 4;

/** Finds out which function owns which slot. At boot. */
@notrace export function tracing_init(): void {
  const all = tracing();
  mutex_init(lock(), "tracing");
  all.on = 1;
  all.enabled = 1;
  all.order = FIRST_ORDER;
  for (let id = 1; id < load<i32>(MACHINE, MACHINE_SYMBOL_COUNT); id++) {
    const slot = load<i32>(symbol_row(id), SYMBOL_SLOT);
    if (is_slot(slot)) set_function(slot, id);
  }
}

if (MUTEX_SIZE > TRACE_LOCK_SIZE) ERROR("Mutex no longer fits layout.ts");

/** Guards what is in state.ts against changes, and keeps the rings in place for readers. */
@inline function lock(): Mutex {
  return changetype<Mutex>(<usize>TRACE_LOCK);
}

/** Waits until nobody else changes what is traced, nor reads it. */
@notrace export function tracing_lock(): void {
  mutex_lock(lock());
}

@notrace export function tracing_unlock(): void {
  mutex_unlock(lock());
}

/** Makes every CPU's entries say what filters, tracer and probes ask for; returns when they do. The mutex is held. */
@notrace export function update_tracing(): void {
  const filtered = any_marked(MARK_FILTER);
  tracing().graph_filtered = any_marked(MARK_GRAPH) ? 1 : 0;
  for (let slot = 1; slot < SLOT_END; slot++) {
    if (!function_of(slot)) continue;
    const marks = marks_of(slot);
    const chosen = tracing().enabled && tracing().tracer != TRACER_NOP && !(marks & MARK_NOTRACE) && (!filtered || marks & MARK_FILTER);
    const wanted = chosen || marks & MARK_LINGERS || (tracing().enabled && marks & MARK_PROBED);
    set_marks(slot, (marks & ~(MARK_WANTED | MARK_CHOSEN)) | (wanted ? MARK_WANTED : 0) | (chosen ? MARK_CHOSEN : 0));
  }
  settle_entries();
}

/** Has livepatchd bring the entries in line, and every CPU pass a safepoint. */
@notrace export function settle_entries(): void {
  // Behind the marks, before the wake-up; pairs with tracing_asked().
  atomic.add<i32>(changetype<usize>(klp()), 1, offsetof<KlpState>("trace_asked"));
  wake_up_task(klp().thread);
  for (let round = 0; tracing_asked(); round++) wait_a_little(round);
}

@notrace export function any_marked(mark: i32): bool {
  for (let slot = 1; slot < SLOT_END; slot++) if (marks_of(slot) & mark) return true;
  return false;
}

@inline function cpus(): i32 {
  return load<i32>(MACHINE, MACHINE_CPUS);
}

/** Makes `tracer`, TRACER_*, the current one, with empty rings: 0 or -ENOMEM, and then there is none. The mutex is held. */
@notrace export function set_tracer(tracer: i32): i32 {
  const all = tracing();
  const last = all.tracer;
  if (tracer == last) return 0;
  all.tracer = TRACER_NOP;
  if (last != TRACER_NOP) update_tracing();
  if (last == TRACER_GRAPH) graph_stacks_free();
  if (ring_of(0).base) free_rings();
  if (tracer == TRACER_NOP) return all.events && !need_rings() ? -ENOMEM : 0;
  if (!need_rings()) return -ENOMEM;
  all.session += 1;
  all.tracer = tracer;
  if (tracer == TRACER_GRAPH) graph_stacks_alloc();
  update_tracing();
  return 0;
}

/** Probes write without a tracer: they find no ring, and when every CPU has passed a safepoint nobody writes to one. */
@notrace function free_rings(): void {
  rings_hide(cpus());
  settle_entries();
  rings_free(cpus(), tracing().order);
}

/** Rings for whoever records; false when memory is out. The mutex is held. */
@notrace export function need_rings(): bool {
  if (ring_of(0).base) return true;
  tracing().rings += 1;
  return rings_alloc(cpus(), tracing().order);
}

/** Makes rings hold `kib` KiB each, rounded up to a block of pages; they are empty then. The mutex is held. */
@notrace export function set_buffer_size(kib: i32): i32 {
  const all = tracing();
  let order = 0;
  while (order <= MAX_ORDER && PAGE_SIZE << order < kib << 10) order++;
  if (kib < 1 || order > MAX_ORDER) return -EINVAL;
  const tracer = all.tracer;
  const had = ring_of(0).base != 0;
  set_tracer(TRACER_NOP);
  if (ring_of(0).base) free_rings();
  all.order = order;
  if (tracer != TRACER_NOP) return set_tracer(tracer);
  return had && !need_rings() ? -ENOMEM : 0;
}

/** Forgets what was recorded on CPU `which`, or on all for a negative number. The mutex is held. */
@notrace export function clear_rings(which: i32): void {
  for (let cpu = 0; cpu < cpus(); cpu++) if (which < 0 || which == cpu) ring_of(cpu).erased = ring_head(ring_of(cpu));
}
