/**
 * A CPU's part in a stop.
 *
 *   each CPU     at a safepoint, its stack unwound to memory if the action looks at stacks: stop_enter() counts it in,
 *                it waits for GENERATION to change
 *   last one     runs the action: nothing else runs
 *   each CPU     wakes two others, changes its own table entries, counts itself out, runs on
 *
 * A CPU counts itself in only at a safepoint, so it holds no lock and is in no interrupt.
 */
import { PENDING_STOP } from "../abi";
import { MACHINE, MACHINE_STOP_ACKS, MACHINE_STOP_DECIDED, MACHINE_STOP_GENERATION, MACHINE_STOP_LEFT, PERCPU_IN_TASK, PERCPU_LEFT_AT, PERCPU_PENDING, PERCPU_STOPPED_AT } from "../layout";
import { klp } from "../livepatch/state";
import { clock_ns } from "./clock";
import { cores_are_shared } from "./give_way";
import { this_cpu } from "./percpu";
import { carry_out_pokes } from "./table";

/** How long a CPU with a core of its own looks before it sleeps: longer than most stops last. */
const PATIENCE_NS: f64 = 50000;

/** Whether this CPU may stop where it is. On the stepped platform no CPU can wait, so none may. */
@inline export function stops_in_place(): bool {
  return !STEPPED && !klp().stacks;
}

/** On top of the stack of a task that is not in the way: unwinding it would keep everybody waiting. */
@notrace export function stop_in_place(): void {
  store<i32>(this_cpu, 0, PERCPU_IN_TASK);
  stop_this_cpu();
  store<i32>(this_cpu, 1, PERCPU_IN_TASK);
}

/** This CPU's part. On the stepped platform the host calls enter and leave. */
@bare @atomic export function stop_this_cpu(): void {
  const word = MACHINE + MACHINE_STOP_GENERATION;
  const before = atomic.load<i32>(word); // before this CPU is counted in: the last one may change it at once
  const last = stop_enter();
  if (!last) {
    const patience = cores_are_shared() ? 0.0 : clock_ns() + PATIENCE_NS;
    while (patience > 0.0 && atomic.load<i32>(word) == before && clock_ns() < patience) {}
    while (atomic.load<i32>(word) == before) atomic.wait<i32>(word, before, -1); // pairs with the add in stop_enter()
  }
  // Whoever leaves wakes the next: the last one to arrive need not wake all before the machine runs again. One that is
  // not asleep yet finds the generation changed.
  atomic.notify(word, last ? 1 : 2);
  stop_leave();
}

/**
 * Counts this CPU in: 1 when it was the last and has done the work, 0 when it must wait until GENERATION is no longer
 * what it was before the call.
 */
@bare @atomic export function stop_enter(): i32 {
  atomic.and<i32>(this_cpu, ~PENDING_STOP, PERCPU_PENDING);
  store<f64>(this_cpu, clock_ns(), PERCPU_STOPPED_AT);
  if (atomic.sub<i32>(MACHINE, 1, MACHINE_STOP_ACKS) != 1) return 0;
  klp().outcome = call_indirect<i32>(klp().action);
  store<f64>(MACHINE, clock_ns(), MACHINE_STOP_DECIDED);
  atomic.add<i32>(MACHINE, 1, MACHINE_STOP_GENERATION); // release; pairs with the waits in stop_this_cpu(), and the stepped host's look
  return 1;
}

/** Changes this CPU's entries, then counts it out: no call of an old version can begin behind it. */
@bare export function stop_leave(): void {
  carry_out_pokes();
  store<f64>(this_cpu, clock_ns(), PERCPU_LEFT_AT);
  atomic.sub<i32>(MACHINE, 1, MACHINE_STOP_LEFT); // pairs with the load in end_of_last_stop()
}
