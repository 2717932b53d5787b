/**
 * The record of a terminal, and its two rings; what they are for is in tty.ts.
 */
import { PAGE_SIZE, TTYS, TTY_SIZE } from "../layout";
import { SpinLock } from "../lock/spinlock";
import { WaitQueue } from "../sched/wait";

/** The lock guards everything but the wait queues. Positions count all bytes ever; modulo a page they are places. */
@unmanaged
export class Tty extends SpinLock {
  /** Two pages: input, then output; 0 when nobody has this terminal. */
  pages: usize;
  /** Files that are open, and one for the host. */
  references: i32;
  /** TTY_* modes. */
  mode: i32;
  /** The host reads; else writes go nowhere. */
  attached: i32;
  /** No input will come any more. */
  ended: i32;
  /** Foreground process group, to which ^C goes. */
  foreground: i32;
  /** Input: typed so far, readable so far, read so far. */
  typed: u32;
  ready: u32;
  read: u32;
  /** ^D at the start of a line: the next read gives 0. */
  end_of_file: i32;
  /** Output: written by processes and echo, taken by the host. */
  written: u32;
  taken: u32;
  readers_owner: i32;
  readers_name: usize;
  readers_waiters: i32;
  readers_contended: i32;
  readers_next: usize;
  readers_prev: usize;
  writers_owner: i32;
  writers_name: usize;
  writers_waiters: i32;
  writers_contended: i32;
  writers_next: usize;
  writers_prev: usize;
}
if (<i32>offsetof<Tty>() > TTY_SIZE) ERROR("Tty no longer fits layout.ts");

@inline export function tty_at(number: i32): Tty {
  return changetype<Tty>(<usize>(TTYS + number * TTY_SIZE));
}
@inline export function readers(tty: Tty): WaitQueue {
  return changetype<WaitQueue>(changetype<usize>(tty) + offsetof<Tty>("readers_owner"));
}
@inline export function writers(tty: Tty): WaitQueue {
  return changetype<WaitQueue>(changetype<usize>(tty) + offsetof<Tty>("writers_owner"));
}
/** Place of an input byte. */
@inline export function input_at(tty: Tty, position: u32): usize {
  return tty.pages + (position & (PAGE_SIZE - 1));
}
@inline export function output_at(tty: Tty, position: u32): usize {
  return tty.pages + PAGE_SIZE + (position & (PAGE_SIZE - 1));
}

@inline export function put_byte(tty: Tty, byte: u8): void {
  store<u8>(output_at(tty, tty.written), byte);
  tty.written += 1;
}

/** Writes a byte of echo, or loses it when the ring is full; the lock is held. */
@notrace export function echo_byte(tty: Tty, byte: u8): void {
  if (tty.attached && <i32>(tty.written - tty.taken) < PAGE_SIZE) put_byte(tty, byte);
}
