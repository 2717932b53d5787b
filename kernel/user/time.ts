/**
 * Programs that only pass time: asleep, and awake.
 */
import { nanosleep } from "./lib";
import { answered, takes_number } from "./options";

const LEFT: usize = memory.data(8);

/** Sleeps again and again, `us` microseconds each. */
export function sleeper(us: i32): i32 {
  if (!takes_number("sleeper [MICROSECONDS]")) return answered;
  while (true) {
    if (nanosleep(us * 1000) != 0) return 1;
  }
}

/** Computes without a system call: only a safepoint in its loop lets others run. `rounds` of 0 is for ever. */
export function spinner(rounds: i32): i32 {
  if (!takes_number("spinner [ROUNDS]")) return answered;
  let sum: u32 = 1;
  for (let i = 0; rounds == 0 || i < rounds; i++) {
    sum = sum * 1664525 + 1013904223;
    store<u32>(LEFT, sum); // kept, so that the loop is not optimised away
  }
  return 0;
}
