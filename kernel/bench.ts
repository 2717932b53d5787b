/**
 * System calls in a loop without a user program: what a benchmark compares images by.
 *
 * It runs on the stack of the host's call, before any task does, with interrupts off as boot() leaves them: so no
 * safepoint switches, and a call that would have to sleep must not be asked for.
 */
import { dispatch_syscall } from "./sys/syscall";

/** Makes the call `rounds` times; gives the last result, or the first error and stops there. */
@bare export function bench_syscalls(nr: i32, a: i32, b: i32, c: i32, rounds: i32): i32 {
  let result = 0;
  for (let i = 0; i < rounds && result >= 0; i++) result = dispatch_syscall(nr, a, b, c);
  return result;
}
