/**
 * Text that programs write: collected, then written in one piece; and comparing what they read.
 *
 * Texts in memory end in a zero. A program that wrote something calls flush() before it ends.
 */
import { EACCES, EEXIST, EISDIR, EINVAL, ENOENT, ENOMEM, ENOTDIR, EPERM, ESRCH } from "../abi";
import { arg, args } from "./process";
import { ascii, decimal, write } from "./lib";

const OUT: usize = memory.data(512);
const OUT_SIZE = 512;
const STDOUT = 1;
const STDERR = 2;
let used = 0;
let target = 1;

export function put_byte(byte: u8): void {
  if (used == OUT_SIZE) flush();
  store<u8>(OUT + used, byte);
  used++;
}

export function put_bytes(from: usize, length: i32): void {
  for (let i = 0; i < length; i++) put_byte(load<u8>(from + i));
}

export function put_zero_ended(from: usize): void {
  for (; load<u8>(from); from++) put_byte(load<u8>(from));
}

export function put(text: string): void {
  const from = changetype<usize>(text);
  const length = <i32>(load<u32>(from - 4) >> 1);
  for (let i = 0; i < length; i++) put_byte(load<u8>(from + (i << 1)));
}

export function put_number(value: i32, width: i32 = 0): void {
  if (used > OUT_SIZE - 24) flush();
  if (value < 0) put_byte(45);
  const digits = decimal(value < 0 ? -value : value, OUT + used);
  const pad = width > digits ? min(width - digits, 12) : 0;
  memory.copy(OUT + used + pad, OUT + used, digits);
  memory.fill(OUT + used, 32, pad);
  used += digits + pad;
}

/** Writes what was collected; false when it could not be written. */
export function flush(): bool {
  const wanted = used;
  used = 0;
  return wanted == 0 || write(target, OUT, wanted) == wanted;
}

/** What is put from here on goes to standard error, up to end_error(). */
export function begin_error(): void {
  flush();
  target = STDERR;
}

/** Ends the line; gives 1. */
export function end_error(): i32 {
  put("\n");
  flush();
  target = STDOUT;
  return 1;
}

/** Writes `program: what: why the error says` on standard error; gives 1. */
export function complain(program: string, what: usize, error: i32): i32 {
  begin_error();
  put(program);
  put(": ");
  if (what) {
    put_zero_ended(what);
    put(": ");
  }
  put_error(error);
  return end_error();
}

function put_error(error: i32): void {
  if (error == -ENOENT) put("No such file or directory");
  else if (error == -EACCES) put("Permission denied");
  else if (error == -EPERM) put("Operation not permitted");
  else if (error == -EISDIR) put("Is a directory");
  else if (error == -ENOTDIR) put("Not a directory");
  else if (error == -EEXIST) put("File exists");
  else if (error == -EINVAL) put("Invalid argument");
  else if (error == -ESRCH) put("No such process");
  else if (error == -ENOMEM) put("Out of memory");
  else {
    put("error ");
    put_number(-error);
  }
}

/** Fetches the arguments; the number of them, or 0 when all that was asked for was `usage`, which it writes. */
export function begin(usage: string): i32 {
  const count = args();
  if (count != 2 || !same(arg(1), "--help")) return count;
  put("usage: ");
  put(usage);
  put("\n");
  flush();
  return 0;
}

/** Writes `usage` on standard error; gives 2. */
export function misused(usage: string): i32 {
  target = STDERR;
  put("usage: ");
  put(usage);
  put("\n");
  flush();
  return 2;
}

/** Whether the text at `at` is `text`. */
export function same(at: usize, text: string): bool {
  const length = <i32>(load<u32>(changetype<usize>(text) - 4) >> 1);
  return starts_with(at, text) && load<u8>(at + length) == 0;
}

export function starts_with(at: usize, text: string): bool {
  const from = changetype<usize>(text);
  const length = <i32>(load<u32>(from - 4) >> 1);
  for (let i = 0; i < length; i++) if (load<u8>(at + i) != load<u8>(from + (i << 1))) return false;
  return true;
}

export function length_of(at: usize): i32 {
  let length = 0;
  while (load<u8>(at + length)) length++;
  return length;
}

/** Copies a text with its zero; gives its length. */
export function copy(to: usize, from: usize): i32 {
  const length = length_of(from);
  memory.copy(to, from, length + 1);
  return length;
}

/** A literal as a zero-ended text at `to`; gives its length. */
export function literal(text: string, to: usize): i32 {
  const length = ascii(text, to);
  store<u8>(to + length, 0);
  return length;
}
