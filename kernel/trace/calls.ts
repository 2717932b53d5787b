/**
 * What trace stubs call: a call of a traced function begins, or ends.
 *
 * Nothing here owns a slot, sleeps or unwinds (the toolchain refuses it), so the tracer never meets itself. The stubs
 * leave out both for a stack on its way to memory or back: a task that sleeps inside a function is still in it.
 */
import { EVENT_CALL, EVENT_ENTRY, EVENT_RETURN } from "../records";
import { clock_ns } from "../cpu/clock";
import { graph_called, graph_pop, graph_push } from "./graph";
import { probe_hit } from "./probe_hit";
import { ring_write } from "./ring";
import { MARK_CHOSEN, MARK_PROBED, TRACER_FUNCTION, TRACER_GRAPH, Tracing, function_of, is_enabled, marks_of, tracing } from "./state";

/** Frame id of the function that called the innermost traced one, from the engine's stack, or 0. */
@external("env", "trace_caller") declare function trace_caller(): i32;

@inline function is_on(): bool {
  return atomic.load<i32>(changetype<usize>(tracing()), offsetof<Tracing>("on")) != 0;
}

/** A traced or probed function is entered. */
@notrace export function trace_enter(slot: i32): void {
  const marks = marks_of(slot);
  if (marks & MARK_PROBED && is_enabled()) probe_hit(slot);
  if (!(marks & MARK_CHOSEN)) return;
  const tracer = tracing().tracer;
  if (tracer == TRACER_GRAPH) {
    const time = clock_ns();
    const depth = graph_push(slot, time);
    if (depth >= 0 && is_on()) ring_write(EVENT_ENTRY, function_of(slot), depth, time, 0);
  } else if (tracer == TRACER_FUNCTION && is_on()) {
    const time = clock_ns();
    ring_write(EVENT_CALL, function_of(slot), trace_caller(), time, 0);
  }
}

/** A traced function returns, on whatever CPU. */
@notrace export function trace_exit(slot: i32): void {
  if (tracing().tracer != TRACER_GRAPH) return;
  const depth = graph_pop(slot);
  if (depth >= 0 && is_on()) ring_write(EVENT_RETURN, function_of(slot), depth, clock_ns(), graph_called(depth));
}
