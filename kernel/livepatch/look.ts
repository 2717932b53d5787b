/**
 * Looking for frames of a patch or module on all stacks, by livepatchd, who alone may: for those who take code away.
 */
import { KLP, KLP_STATE } from "../layout";
import { WaitQueue, wake_up } from "../sched/wait";
import { wait_a_little } from "./poke";
import { KlpState, PHASE_IDLE, klp, phase } from "./state";

/** Requests from here on look for frames: the number is that of has_frames(). */
export const KLP_LOOK_FOR = 1 << 16;

/** Livepatchd sleeps here. */
@inline export function klp_queue(): WaitQueue {
  return changetype<WaitQueue>(<usize>(KLP + KLP_STATE));
}
/** What livepatchd is to do, or 0. */
@inline export function klp_request_now(): i32 {
  return atomic.load<i32>(KLP + KLP_STATE, offsetof<KlpState>("request"));
}

/** Whether a stack, saved or live, holds a frame of has_frames()'s `number`. One caller at a time; waits for a transition to end. */
export function klp_look_for(number: i32): bool {
  for (let round = 0; phase() != PHASE_IDLE || !look_for(number); round++) wait_a_little(round);
  wake_up(klp_queue());
  // Pairs with livepatchd's store, which comes after what it found.
  for (let round = 0; klp_request_now() == KLP_LOOK_FOR + number; round++) wait_a_little(round);
  return klp().frames != 0;
}

@notrace function look_for(number: i32): bool {
  return atomic.cmpxchg<i32>(KLP + KLP_STATE, 0, KLP_LOOK_FOR + number, offsetof<KlpState>("request")) == 0;
}
