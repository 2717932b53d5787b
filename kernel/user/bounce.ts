/**
 * One byte passed to another process and back, again and again: each time a sleeper is woken.
 *
 * The sender stays busy for a while before it wants the byte back. If it slept at once, its CPU would be idle first
 * and pull the other process over before that one's CPU has woken up.
 */
import { close, getpid, pipe, read, spawn, wait, write } from "./lib";
import { answered, takes_number } from "./options";

/** System calls that take a few hundred microseconds, on any computer of these years. */
const BUSY = 10000;

const FDS: usize = memory.data(16);
const BYTE: usize = memory.data(1);

/** Sends `rounds` bytes to `bouncer`, one at a time, and expects each back. */
export function bounce(rounds: i32): i32 {
  if (!takes_number("bounce [ROUNDS]")) return answered;
  if (pipe(FDS) != 0 || pipe(FDS + 8) != 0) return 1;
  const out = load<i32>(FDS, 4);
  const back = load<i32>(FDS, 8);
  if (spawn("bouncer", load<i32>(FDS)) < 0) return 1;
  close(load<i32>(FDS));
  close(load<i32>(FDS, 12));
  for (let i = 0; i < rounds; i++) {
    store<u8>(BYTE, <u8>i);
    if (write(out, BYTE, 1) != 1) return 1;
    for (let calls = 0; calls < BUSY; calls++) getpid();
    if (read(back, BYTE, 1) != 1 || load<u8>(BYTE) != <u8>i) return 1;
  }
  close(out);
  return wait(-1, 0) > 0 ? 0 : 1;
}

/** The other side, with the descriptors in the order in which bounce() made them, from `input` on. */
export function bouncer(input: i32): i32 {
  if (!takes_number("bouncer DESCRIPTOR")) return answered;
  close(input + 1);
  close(input + 2);
  while (true) {
    const got = read(input, BYTE, 1);
    if (got <= 0) return got == 0 ? 0 : 1;
    if (write(input + 3, BYTE, 1) != 1) return 1;
  }
}
