/**
 * Which side of a running transition this CPU's context is on: what a slow stub looks up its slot's choice by.
 *
 * A context is a task, or an interrupt on top of it. The side follows it: cpu_run() sets it whenever a task goes on,
 * an interrupt has its own while it runs, and a task that moves changes it at its border. Between being marked and the
 * stubs of its CPU a task's side is not true, but until every CPU has its stubs both choices are the same.
 */
import { WORD } from "../layout";

/** Byte offsets into a slot's pair of choices. */
export const SIDE_MARKED = 0;
export const SIDE_MOVED = WORD;

@percpu let klp_side: i32 = 4; // SIDE_MOVED
if (SIDE_MOVED != 4) ERROR("klp_side begins on the wrong side");

@inline export function side(): i32 {
  return klp_side;
}
@inline export function set_side(to: i32): void {
  klp_side = to;
}
