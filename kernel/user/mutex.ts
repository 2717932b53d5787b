/**
 * A lock of a word in the window, for threads: 0 free, 1 taken, 2 taken and somebody may sleep.
 */
import { FUTEX_WAIT, FUTEX_WAKE, SYS_FUTEX } from "../abi";
import { raw } from "./lib";

export function futex(word: usize, op: i32, value: i32): i32 {
  return raw(SYS_FUTEX, <i32>word, op, value);
}

export function mutex_lock(word: usize): void {
  if (atomic.cmpxchg<i32>(word, 0, 1) == 0) return;
  // Taken as contended, since others may sleep as well; pairs with the exchange in mutex_unlock().
  while (atomic.xchg<i32>(word, 2) != 0) futex(word, FUTEX_WAIT, 2);
}

export function mutex_unlock(word: usize): void {
  if (atomic.xchg<i32>(word, 0) == 2) futex(word, FUTEX_WAKE, 1);
}
