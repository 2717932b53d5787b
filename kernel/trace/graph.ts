/**
 * Return stacks: which traced calls a task is in, and since when.
 *
 *   Task.trace_stack ─► [session | depth | { slot, time } | …]
 *
 * The stack is the task's own, so it moves with a task that sleeps. An entry whose call returned unseen, because its
 * slot was not traced any more by then, is dropped with the next one below it that returns. Written by the task, and
 * by interrupts on top of it, which end before it goes on.
 */
import { kfree, kzalloc } from "../mm/slab";
import { Task, current } from "../sched/task";
import { MARK_GRAPH, TRACER_GRAPH, marks_of, tracing } from "./state";

const SESSION = 0;
const DEPTH = 4;
const FIRST = 8;
/** Of an entry: slot, then when it was called. */
const ENTRY = 16;
const TIME = 8;
/** Calls within calls that are kept; deeper ones are only counted. */
export const GRAPH_DEPTH = 62;
const STACK_BYTES = FIRST + ENTRY * GRAPH_DEPTH;

@inline function entry(stack: usize, index: i32): usize {
  return stack + FIRST + <usize>(index * ENTRY);
}

/** The running task's stack, empty when it is of an earlier run, or 0. */
@notrace function own_stack(): usize {
  const stack = current().trace_stack;
  if (!stack || load<i32>(stack, SESSION) == tracing().session) return stack;
  store<i32>(stack, tracing().session, SESSION);
  store<i32>(stack, 0, DEPTH);
  return stack;
}

/** The running task calls `slot`: how deep that is, or -1 when it cannot be kept. */
@notrace export function graph_push(slot: i32, time: f64): i32 {
  const stack = own_stack();
  if (!stack) return -1;
  const depth = load<i32>(stack, DEPTH);
  if (!depth && tracing().graph_filtered && !(marks_of(slot) & MARK_GRAPH)) return -1;
  store<i32>(stack, depth + 1, DEPTH);
  if (depth >= GRAPH_DEPTH) return -1;
  store<i32>(entry(stack, depth), slot);
  store<f64>(entry(stack, depth), time, TIME);
  return depth;
}

/** Its call of `slot` returns: how deep it was, or -1 when nobody saw it begin. */
@notrace export function graph_pop(slot: i32): i32 {
  const stack = own_stack();
  if (!stack) return -1;
  const depth = load<i32>(stack, DEPTH);
  if (depth > GRAPH_DEPTH) {
    store<i32>(stack, depth - 1, DEPTH);
    return -1;
  }
  for (let at = depth - 1; at >= 0; at--) {
    if (load<i32>(entry(stack, at)) != slot) continue;
    store<i32>(stack, at, DEPTH);
    return at;
  }
  return -1;
}

/** When the call was made that graph_pop() has just found at `depth`. */
@notrace export function graph_called(depth: i32): f64 {
  return load<f64>(entry(current().trace_stack, depth), TIME);
}

/** A task comes onto the list, which is locked. */
@notrace export function graph_adopt(task: Task): void {
  if (tracing().tracer == TRACER_GRAPH) graph_give(task);
}

/** Frees the return stack of a task that runs no traced call any more. */
@notrace export function graph_release(task: Task): void {
  if (task.trace_stack) kfree(task.trace_stack);
  task.trace_stack = 0;
}

/** The task's stack was thrown away: it is in no call any more. */
@bare export function graph_forget(task: Task): void {
  if (task.trace_stack) store<i32>(task.trace_stack, 0, SESSION);
}

/** Without memory the task is only not traced. */
@notrace export function graph_give(task: Task): void {
  if (!task.trace_stack) task.trace_stack = kzalloc(STACK_BYTES);
}
