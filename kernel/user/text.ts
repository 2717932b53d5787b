/**
 * Text that programs write: collected, then written in one piece; and comparing what they read.
 *
 * Texts in memory end in a zero. A program that wrote something calls flush() before it ends.
 */
import {
  EACCES, EAGAIN, EBADF, EBUSY, ECHILD, EEXIST, EFAULT, EFBIG, EINTR, EINVAL, EIO, EISDIR, ELOOP, EMFILE, ENAMETOOLONG, ENODEV, ENOENT, ENOEXEC, ENOMEM,
  ENOSPC, ENOSYS, ENOTDIR, ENOTEMPTY, ENXIO, EPERM, EPIPE, ERANGE, EROFS, ESPIPE, ESRCH, EXDEV,
} from "../abi";
import { ascii, decimal, write } from "./lib";

const OUT: usize = memory.data(512);
const OUT_SIZE = 512;
const STDOUT = 1;
const STDERR = 2;
let used = 0;
let target = 1;
/** What the last flush() got. */
let result = 0;

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
  result = wanted ? write(target, OUT, wanted) : 0;
  return result == wanted;
}

/** The same at the end of a program that says why not; gives its status. */
export function finish(program: string): i32 {
  if (flush()) return 0;
  const error = result;
  begin_error();
  put(program);
  put(": write error: ");
  put_error(error);
  return end_error();
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

const ERRORS: StaticArray<i32> = [
  EPERM, ENOENT, ESRCH, EINTR, EIO, ENXIO, ENOEXEC, EBADF, ECHILD, EAGAIN, ENOMEM, EACCES, EFAULT, EBUSY, EEXIST, EXDEV, ENODEV, ENOTDIR, EISDIR, EINVAL,
  EMFILE, EFBIG, ENOSPC, ESPIPE, EROFS, EPIPE, ERANGE, ENAMETOOLONG, ENOSYS, ENOTEMPTY, ELOOP];
const WORDS: StaticArray<string> = [
  "Operation not permitted", "No such file or directory", "No such process", "Interrupted system call", "Input/output error",
  "No such device or address", "Exec format error", "Bad file descriptor", "No child processes", "Resource temporarily unavailable",
  "Cannot allocate memory", "Permission denied", "Bad address", "Device or resource busy", "File exists", "Invalid cross-device link",
  "No such device", "Not a directory", "Is a directory", "Invalid argument", "Too many open files", "File too large", "No space left on device",
  "Illegal seek", "Read-only file system", "Broken pipe", "Numerical result out of range", "File name too long", "Function not implemented",
  "Directory not empty", "Too many levels of symbolic links"];

/** What strerror() says. */
function put_error(error: i32): void {
  for (let row = 0; row < ERRORS.length; row++) if (unchecked(ERRORS[row]) == -error) return put(unchecked(WORDS[row]));
  put("error ");
  put_number(-error);
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
