/**
 * What user programs build on: the system call, names for its numbers, a little text.
 *
 * Everything here lives in the program's window: its addresses are offsets, its buffers private to the process.
 */
import {
  SYS_CLOCK, SYS_CLOSE, SYS_EXIT, SYS_GETPID, SYS_KILL, SYS_LOG, SYS_NANOSLEEP, SYS_OPEN, SYS_PIPE, SYS_READ, SYS_SPAWN, SYS_SPLICE, SYS_UNLINK, SYS_WAIT,
  SYS_WRITE, SYS_YIELD,
} from "../abi";

@external("env", "syscall") declare function syscall(nr: i32, a: i32, b: i32, c: i32): i32;

const TEXT: usize = memory.data(64);
/** One buffer for whatever a program has to carry. */
export const BUFFER: usize = memory.data(1024);
export const BUFFER_SIZE = 1024;

/** Bytes of a literal at `to`; gives how many. */
export function ascii(text: string, to: usize): i32 {
  const from = changetype<usize>(text);
  const length = <i32>(load<u32>(from - 4) >> 1);
  for (let i = 0; i < length; i++) store<u8>(to + i, load<u8>(from + (i << 1)));
  return length;
}

/** Decimal digits at `to`; gives how many. */
export function decimal(value: i32, to: usize): i32 {
  let digits = 1;
  for (let rest = value / 10; rest != 0; rest /= 10) digits++;
  for (let i = digits - 1; i >= 0; i--) {
    store<u8>(to + i, 48 + <u8>(value % 10));
    value /= 10;
  }
  return digits;
}

export function getpid(): i32 {
  return syscall(SYS_GETPID, 0, 0, 0);
}
export function yield_cpu(): void {
  syscall(SYS_YIELD, 0, 0, 0);
}
export function exit(code: i32): void {
  syscall(SYS_EXIT, code, 0, 0);
}
export function spawn(name: string, argument: i32): i32 {
  return syscall(SYS_SPAWN, <i32>TEXT, ascii(name, TEXT), argument);
}
export function wait(pid: i32, status: usize): i32 {
  return syscall(SYS_WAIT, pid, <i32>status, 0);
}
export function nanosleep(ns: i32): i32 {
  return syscall(SYS_NANOSLEEP, ns, 0, 0);
}
export function kill(pid: i32, signal: i32): i32 {
  return syscall(SYS_KILL, pid, signal, 0);
}
export function pipe(fds: usize): i32 {
  return syscall(SYS_PIPE, <i32>fds, 0, 0);
}
export function open(path: usize, length: i32, flags: i32): i32 {
  return syscall(SYS_OPEN, <i32>path, length, flags);
}
export function read(fd: i32, buffer: usize, length: i32): i32 {
  return syscall(SYS_READ, fd, <i32>buffer, length);
}
export function write(fd: i32, buffer: usize, length: i32): i32 {
  return syscall(SYS_WRITE, fd, <i32>buffer, length);
}
export function close(fd: i32): i32 {
  return syscall(SYS_CLOSE, fd, 0, 0);
}
export function unlink(path: usize, length: i32): i32 {
  return syscall(SYS_UNLINK, <i32>path, length, 0);
}
export function splice(file: i32, pipe: i32, length: i32): i32 {
  return syscall(SYS_SPLICE, file, pipe, length);
}
export function clock_ms(): i32 {
  return syscall(SYS_CLOCK, 0, 0, 0);
}
/** A line in the kernel log. */
export function say(text: string): void {
  syscall(SYS_LOG, <i32>TEXT, ascii(text, TEXT), 0);
}
/** Any call with any arguments. */
export function raw(nr: i32, a: i32, b: i32, c: i32): i32 {
  return syscall(nr, a, b, c);
}
/** A number from 0 to `below` - 1 that follows from `state`, which it moves on. */
export function random(state: usize, below: i32): i32 {
  let x = load<u32>(state);
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  store<u32>(state, x);
  return <i32>(x % <u32>below);
}
