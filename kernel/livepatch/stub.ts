/**
 * What the stubs ask. The toolchain emits two stubs per slot; the host puts one into a CPU's table where it is wanted.
 *
 *   slow stub    next = klp_target(slot); the call goes there
 *   trace stub   trace_enter(slot), the call to trace_next(slot), trace_exit(slot)
 *
 * Table regions: [slots | originals | slow stubs | trace stubs], STRIDE entries each. As long as no patch is loaded
 * every slot has one version, the original.
 */
import { MACHINE, MACHINE_STRIDE } from "../layout";
import { current } from "../sched/task";

/** Table index of the version that this call goes to. */
@notrace export function klp_target(slot: i32): i32 {
  return load<i32>(MACHINE, MACHINE_STRIDE) + slot;
}

/** Table index of what lies under the trace stub. */
@notrace export function trace_next(slot: i32): i32 {
  return klp_target(slot);
}

/** A traced function is entered: one more on the task's own return stack, which moves with it. */
@notrace export function trace_enter(slot: i32): void {
  current().trace_depth += 1;
}

/** A traced function returns, on whatever CPU. */
@notrace export function trace_exit(slot: i32): void {
  current().trace_depth -= 1;
}
