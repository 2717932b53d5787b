/**
 * Terminals: what a process reads is what the host types, and what it writes the host shows.
 *
 *   host ── tty_input() ──► [line under edit | lines] ──► tty_read()
 *   host ◄── tty_output() ── [ring] ◄── tty_write(), and the echo
 *
 * Terminal 0 is the console. The others live as long as the host or a process has them open: each machine.exec() has
 * one. A terminal that the host has left throws away what is written to it, so that background jobs go on. In
 * canonical mode input becomes readable line by line (line.ts); in raw mode byte by byte.
 */
import { EAGAIN, EFAULT, EINVAL, ENOMEM, ENOTTY, O_NONBLOCK, TASK_INTERRUPTIBLE, TCGETS, TCSETS, TIOCGPGRP, TIOCSPGRP, TTY_CANON, TTY_CONSOLE, TTY_END, TTY_MODES } from "../abi";
import { MACHINE, MACHINE_REAPABLE, MACHINE_TTY_NEWS, MAX_TTYS, PAGE_SIZE } from "../layout";
import { panic } from "../lib/printk";
import { spin_lock, spin_lock_init, spin_unlock } from "../lock/spinlock";
import { alloc_pages, free_pages } from "../mm/page";
import { user_range } from "../mm/uaccess";
import { might_sleep, schedule } from "../sched/core";
import { finish_wait, interrupted, prepare_to_wait, wait_queue_init, wake_up_all } from "../sched/wait";
import { FILE_TTY, File } from "./handle";
import { line_input } from "./line";
import { Tty, input_at, output_at, put_byte, readers, tty_at, writers } from "./tty_record";

const PAGES_ORDER = 1;
const NEWLINE: u8 = 10;

export function ttys_init(): void {
  for (let i = 0; i < MAX_TTYS; i++) {
    const tty = tty_at(i);
    spin_lock_init(tty, "tty");
    wait_queue_init(readers(tty), "tty_read");
    wait_queue_init(writers(tty), "tty_write");
    tty.pages = 0;
    tty.references = 0;
  }
  if (!prepare(tty_at(0), 0)) panic("no memory for the console");
  tty_at(0).attached = 0;
}

/** Makes a terminal that nobody has ready for the host, with one reference; false without memory. */
@notrace function prepare(tty: Tty, mode: i32): bool {
  tty.pages = alloc_pages(PAGES_ORDER);
  if (!tty.pages) return false;
  tty.references = 1;
  tty.mode = mode;
  tty.attached = 1;
  tty.ended = 0;
  tty.foreground = 0;
  tty.typed = tty.ready = tty.read = 0;
  tty.end_of_file = 0;
  tty.written = tty.taken = 0;
  return true;
}

/** The host opens the console, or a terminal of its own: its number, or -errno. */
export function tty_open(bits: i32): i32 {
  if (bits & ~(TTY_MODES | TTY_CONSOLE)) return -EINVAL;
  if (bits & TTY_CONSOLE) return open_console(bits & TTY_MODES);
  for (let i = 1; i < MAX_TTYS; i++) {
    const tty = tty_at(i);
    spin_lock(tty);
    const mine = tty.references == 0;
    const result = mine && !prepare(tty, bits) ? -ENOMEM : i;
    spin_unlock(tty);
    if (mine) return result;
  }
  return -EAGAIN;
}

function open_console(mode: i32): i32 {
  const tty = tty_at(0);
  spin_lock(tty);
  tty.mode = mode;
  tty.attached = 1;
  tty.ended = 0;
  spin_unlock(tty);
  return 0;
}

/** The host leaves: who waits to write goes on, and there is no more input. */
export function tty_close(number: i32): i32 {
  if (<u32>number >= <u32>MAX_TTYS || !tty_at(number).attached) return -EINVAL;
  const tty = tty_at(number);
  spin_lock(tty);
  tty.attached = 0;
  tty.ended = 1;
  tty.taken = tty.written;
  spin_unlock(tty);
  wake_up_all(writers(tty));
  wake_up_all(readers(tty));
  if (number) drop(tty);
  return 0;
}

/** One more file for a terminal that is in use. */
export function tty_hold(number: i32): void {
  spin_lock(tty_at(number));
  tty_at(number).references += 1;
  spin_unlock(tty_at(number));
}

/** /dev/console: the file becomes one of terminal 0. */
export function console_open(file: File): i32 {
  file.kind = FILE_TTY;
  file.object = 0;
  tty_hold(0);
  return 0;
}

@notrace function drop(tty: Tty): void {
  spin_lock(tty);
  tty.references -= 1;
  const pages: usize = tty.references ? 0 : tty.pages;
  if (!tty.references) tty.pages = 0;
  spin_unlock(tty);
  if (pages) free_pages(pages, PAGES_ORDER);
}

export function tty_release(file: File): void {
  drop(tty_at(<i32>file.object));
}

/** Reads a line at most in canonical mode, what there is in raw mode; 0 at the end of input. */
export function tty_read(file: File, to: usize, length: i32): i32 {
  might_sleep();
  const tty = tty_at(<i32>file.object);
  if (length == 0) return 0;
  if (!user_range(to, length)) return -EFAULT;
  while (true) {
    prepare_to_wait(readers(tty), TASK_INTERRUPTIBLE);
    const got = take_input(tty, user_range(to, length), length);
    const error = got != -EAGAIN ? 0 : file.flags & O_NONBLOCK ? -EAGAIN : interrupted();
    if (got == -EAGAIN && !error) schedule();
    finish_wait(readers(tty));
    if (got != -EAGAIN) return got;
    if (error) return error;
  }
}

/** Moves readable bytes to kernel address `to`; 0 at the end, -EAGAIN when there are none yet. */
function take_input(tty: Tty, to: usize, length: i32): i32 {
  spin_lock(tty);
  let done = 0;
  while (done < length && tty.read != tty.ready) {
    const byte = load<u8>(input_at(tty, tty.read));
    tty.read += 1;
    store<u8>(to + done, byte);
    done++;
    if (byte == NEWLINE && tty.mode & TTY_CANON) break;
  }
  const end = done == 0 && (tty.end_of_file || tty.ended);
  if (end) tty.end_of_file = 0;
  spin_unlock(tty);
  return done || end ? done : -EAGAIN;
}

/** Writes all of it, waiting for the host to take it; into nothing when no host does. */
export function tty_write(file: File, from: usize, length: i32): i32 {
  might_sleep();
  const number = <i32>file.object;
  const tty = tty_at(number);
  if (!user_range(from, length)) return -EFAULT;
  let done = 0;
  while (done < length) {
    prepare_to_wait(writers(tty), TASK_INTERRUPTIBLE);
    const put = put_output(tty, user_range(from, length) + done, length - done);
    const error = put ? 0 : interrupted();
    if (!put && !error) schedule();
    finish_wait(writers(tty));
    if (put) tell_host(number);
    done += put;
    if (error) return done ? done : error;
  }
  return done;
}

/** Moves bytes into the output ring; gives how many, 0 when it is full. */
@notrace function put_output(tty: Tty, from: usize, length: i32): i32 {
  spin_lock(tty);
  let done = tty.attached ? 0 : length;
  for (; done < length && <i32>(tty.written - tty.taken) < PAGE_SIZE; done++) put_byte(tty, load<u8>(from + done));
  spin_unlock(tty);
  return done;
}

@notrace function tell_host(number: i32): void {
  const word = number ? MACHINE_REAPABLE : MACHINE_TTY_NEWS;
  atomic.add<i32>(MACHINE + word, 1); // behind the bytes; pairs with the host's load before it asks for them
  atomic.notify(MACHINE + word, 1);
}

/** At most `room` bytes of output to kernel address `to`. */
export function tty_output(number: i32, to: usize, room: i32): i32 {
  if (<u32>number >= <u32>MAX_TTYS || !tty_at(number).attached) return -EINVAL;
  const tty = tty_at(number);
  spin_lock(tty);
  let done = 0;
  for (; done < room && tty.taken != tty.written; done++) {
    store<u8>(to + done, load<u8>(output_at(tty, tty.taken)));
    tty.taken += 1;
  }
  spin_unlock(tty);
  if (done) wake_up_all(writers(tty));
  return done;
}

/** The host types `length` bytes; gives how many there was room for. */
export function tty_input(target: i32, from: usize, length: i32): i32 {
  const number = target & ~TTY_END;
  if (<u32>number >= <u32>MAX_TTYS || !tty_at(number).attached) return -EINVAL;
  const tty = tty_at(number);
  let done = 0;
  while (done < length && line_input(tty, load<u8>(from + done))) done++;
  if (target & TTY_END && done == length) {
    spin_lock(tty);
    tty.ready = tty.typed;
    tty.ended = 1;
    spin_unlock(tty);
  }
  wake_up_all(readers(tty));
  tell_host(number);
  return done;
}

/** What SYS_IOCTL asks of a terminal. */
export function tty_ioctl(file: File, request: i32, value: i32): i32 {
  const tty = tty_at(<i32>file.object);
  if (request == TCGETS) return tty.mode;
  if (request == TIOCGPGRP) return tty.foreground;
  if (request == TIOCSPGRP) {
    tty.foreground = value;
    return 0;
  }
  if (request != TCSETS) return -ENOTTY;
  if (value & ~TTY_MODES) return -EINVAL;
  spin_lock(tty);
  tty.mode = value;
  tty.ready = value & TTY_CANON ? tty.ready : tty.typed;
  spin_unlock(tty);
  wake_up_all(readers(tty));
  return 0;
}
