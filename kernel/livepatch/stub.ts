/**
 * What the stubs ask. The toolchain emits two stubs per slot, and one more per version of a patch; a poke puts one into a
 * CPU's table where it is wanted.
 *
 *   slow stub    next = klp_target(slot), or, in an image for use, the slot's choice while nothing is rewound
 *   trace stub   trace_enter(slot), the call to trace_next(slot), trace_exit(slot); see trace/calls.ts
 *
 * Table regions: [slots | originals | slow stubs | trace stubs], STRIDE entries each; patches' versions and stubs come later.
 * A saved frame resumes the code that made it: while a stack is rewound, the frame about to be restored lies on top and
 * names its version.
 */
import { COUNTER_STUB_CALLS } from "../abi";
import { PERCPU_RESUMING, PERCPU_REWIND_PAIR, SYMBOL_INDEX, WORD } from "../layout";
import { count, this_cpu } from "../cpu/percpu";
import { symbol_row } from "../sched/stacktrace";
import { redirected_index } from "../trace/probe_hit";
import { MARK_REDIRECTED, marks_of } from "../trace/state";
import { chosen_index } from "./func_stack";

/** Table index of the version that this call goes to. */
@notrace export function klp_target(slot: i32): i32 {
  if (!load<i32>(this_cpu, PERCPU_RESUMING)) {
    if (DEBUG) count(COUNTER_STUB_CALLS);
    return chosen_index(slot);
  }
  const end = <usize>load<u32>(<usize>load<u32>(this_cpu, PERCPU_REWIND_PAIR));
  return load<i32>(symbol_row(load<u32>(end - WORD)), SYMBOL_INDEX);
}

/** Table index of what lies under the trace stub. A saved frame finds its way by itself, whoever made it. */
@notrace export function trace_next(slot: i32): i32 {
  const redirected = marks_of(slot) & MARK_REDIRECTED && !load<i32>(this_cpu, PERCPU_RESUMING) ? redirected_index(slot) : 0;
  return redirected ? redirected : klp_target(slot);
}
