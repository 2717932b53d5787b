/**
 * Leaving and re-entering a task's stack: the only place that unwinds.
 *
 *   who calls            sets                       then                          cpu_run() does
 *   context_switch()     EXIT = a reason            unwinds to the task's memory  what the reason asks, rewinds the next task
 *   step_point()         EXIT = EXIT_STEP           unwinds to the CPU's memory   returns to the platform, later rewinds the same task
 *
 * A rewind re-enters exactly the call that unwound, so both look at RESUMING first: set by cpu_run(), it means
 * "this is not a call but a return". Invariant: a task's saved stack is complete only after cpu_run() called
 * stop_unwind(); until then its ON_CPU stays set and nobody else may run it.
 */
import { EXIT_STEP, STEP_CALL, STEP_RELAX } from "../abi";
import {
  EMERGENCY, EMERGENCY_SIZE, PERCPU_CURRENT, PERCPU_EXIT, PERCPU_IN_PROBE, PERCPU_IN_TASK, PERCPU_RESUMING, PERCPU_STACK_HIT, PERCPU_STEP_STACK, TASK_STACK_POS, WORD,
} from "../layout";
import { cpu_id, this_cpu } from "./percpu";

@external("asyncify", "start_unwind") declare function start_unwind(pair: usize): void;
@external("asyncify", "stop_unwind") export declare function stop_unwind(): void;
@external("asyncify", "start_rewind") export declare function start_rewind(pair: usize): void;
@external("asyncify", "stop_rewind") export declare function stop_rewind(): void;
@external("env", "step") declare function step(kind: i32): i32;

/** Unwinds the current task into its own memory and comes back when a CPU, perhaps another, runs it again. */
@notrace export function context_switch(reason: i32): void {
  if (load<i32>(this_cpu, PERCPU_RESUMING)) {
    stop_rewind();
    store<i32>(this_cpu, 0, PERCPU_RESUMING);
    return;
  }
  store<i32>(this_cpu, reason, PERCPU_EXIT);
  start_unwind(<usize>load<u32>(this_cpu, PERCPU_CURRENT) + TASK_STACK_POS);
}

/**
 * Stepped platform: the toolchain puts a call to this before every atomic and every hooked call; the platform says
 * whether another CPU gets its turn here. The stack waits in the CPU's memory, not the task's: a task's own stack
 * looks, and overflows, as on real CPUs. Outside a task (boot, cpu_run itself) there is no stack to leave.
 */
@notrace export function step_point(kind: i32): void {
  if (load<i32>(this_cpu, PERCPU_RESUMING)) {
    stop_rewind();
    store<i32>(this_cpu, 0, PERCPU_RESUMING);
    return;
  }
  if (!load<i32>(this_cpu, PERCPU_IN_TASK)) return;
  if (load<i32>(this_cpu, PERCPU_IN_PROBE)) {
    if (kind == STEP_RELAX) unreachable(); // its handler waits for a CPU that gets no turn
    return; // a stub holds no stack that could be left
  }
  if (!step(kind)) return;
  store<i32>(this_cpu, EXIT_STEP, PERCPU_EXIT);
  start_unwind(<usize>load<u32>(this_cpu, PERCPU_STEP_STACK));
}

/** A place worth interleaving although it is neither an atomic nor a hooked call; nothing on real threads. */
@inline export function step_here(): void {
  if (STEPPED) step_point(STEP_CALL);
}

/** Tells the stepped platform that this CPU waits for another; nothing on real threads. */
@inline export function step_relax(): void {
  if (STEPPED) step_point(STEP_RELAX);
}

/**
 * A saved stack has no room for its next frame: sends the rest of this unwind to the CPU's emergency buffer, which is
 * thrown away. The frames pass calls it before the first byte would be written beyond the end; cpu_run() then kills
 * the task by name. Called again when the buffer itself is full: it starts over.
 */
@bare export function stack_end_hit(): void {
  const pair = <usize>(EMERGENCY + cpu_id * EMERGENCY_SIZE);
  store<u32>(pair, <u32>(pair + 2 * WORD));
  store<u32>(pair, <u32>(pair + EMERGENCY_SIZE), WORD);
  store<i32>(this_cpu, 1, PERCPU_STACK_HIT);
  start_unwind(pair);
}
