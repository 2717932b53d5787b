/**
 * The devices of /dev: nothing, zeros, random bytes, and the kernel log. The console is a terminal.
 */
import { EAGAIN, EFAULT, EINVAL, ENOSPC, O_NONBLOCK, S_IFCHR } from "../abi";
import { clock_ns } from "../cpu/clock";
import { LOG, LOG_HEAD, LOG_TEXT, LOG_TEXT_SIZE, MACHINE, MACHINE_SEED, VFS } from "../layout";
import { log_begin, log_bytes, log_end } from "../lib/printk";
import { put_number, put_text } from "../lib/text";
import { kfree, kmalloc } from "../mm/slab";
import { copy_to_user, user_range } from "../mm/uaccess";
import { sleep_until } from "../sched/timer";
import { FILE_CONSOLE, FILE_FULL, FILE_KMSG, FILE_NULL, FILE_RANDOM, FILE_ZERO, File } from "./handle";
import { FS_DEV, Inode, Tree, tree } from "./inode";
import { make_inode } from "./lifetime";

/** Fills /dev. */
export function devices_init(dev: Inode): void {
  tree().random = load<u32>(MACHINE, MACHINE_SEED) | 1;
  make_inode(dev, "null", FS_DEV, FILE_NULL, S_IFCHR | 0o666);
  make_inode(dev, "zero", FS_DEV, FILE_ZERO, S_IFCHR | 0o666);
  make_inode(dev, "full", FS_DEV, FILE_FULL, S_IFCHR | 0o666);
  make_inode(dev, "random", FS_DEV, FILE_RANDOM, S_IFCHR | 0o666);
  make_inode(dev, "urandom", FS_DEV, FILE_RANDOM, S_IFCHR | 0o666);
  make_inode(dev, "console", FS_DEV, FILE_CONSOLE, S_IFCHR | 0o600);
  make_inode(dev, "kmsg", FS_DEV, FILE_KMSG, S_IFCHR | 0o644);
}

export function null_read(file: File, to: usize, length: i32): i32 {
  return 0;
}
export function null_write(file: File, from: usize, length: i32): i32 {
  return user_range(from, length) ? length : -EFAULT;
}
export function full_write(file: File, from: usize, length: i32): i32 {
  return -ENOSPC;
}

export function zero_read(file: File, to: usize, length: i32): i32 {
  const target = user_range(to, length);
  if (!target) return -EFAULT;
  memory.fill(target, 0, length);
  return length;
}

/** Random bytes that follow from the machine's seed and the calls so far. */
export function random_read(file: File, to: usize, length: i32): i32 {
  const target = user_range(to, length);
  if (!target) return -EFAULT;
  for (let i = 0; i < length; i++) store<u8>(target + i, random_byte());
  return length;
}

@notrace function random_byte(): u8 {
  let before: u32;
  let x: u32;
  do {
    before = atomic.load<u32>(VFS, offsetof<Tree>("random"));
    x = before ^ (before << 13);
    x ^= x >> 17;
    x ^= x << 5;
    // Another CPU that drew meanwhile has this number: the next is ours.
  } while (atomic.cmpxchg<u32>(VFS, before, x, offsetof<Tree>("random")) != before);
  return <u8>(x >> 11);
}

/** Longest line of the log with what stands before it. */
const RECORD = 512;
/** How often a reader that waits for news looks, ns. */
const LOOK_NS: f64 = 10_000_000;

@inline function log_head(): u32 {
  return atomic.load<u32>(LOG, LOG_HEAD); // pairs with log_end()'s store, behind the bytes
}
@inline function log_byte(at: u32): u8 {
  return load<u8>(LOG + LOG_TEXT + at % LOG_TEXT_SIZE);
}

/** A reader begins with the oldest line that the ring still has whole. */
export function kmsg_open(file: File): i32 {
  file.object = 0;
  return 0;
}

/** One record: `priority,number,µs,-;text`, the number that of the line's first byte. Waits for one unless O_NONBLOCK. */
export function kmsg_read(file: File, to: usize, length: i32): i32 {
  while (<u32>file.object == log_head()) {
    if (file.flags & O_NONBLOCK) return -EAGAIN;
    const error = sleep_until(clock_ns() + LOOK_NS);
    if (error) return error;
  }
  const record = kmalloc(RECORD);
  if (!record) return -EAGAIN;
  const end = put_record(record, file);
  const bytes = <i32>(end - record);
  const result = bytes > length ? -EINVAL : copy_to_user(to, record, bytes) ? -EFAULT : bytes;
  kfree(record);
  return result;
}

/** Writes the record at the file's place in the log, and moves it on. A line begins `[    1.234567] `. */
@notrace function put_record(at: usize, file: File): usize {
  let from = <u32>file.object;
  if (log_head() - from > <u32>(LOG_TEXT_SIZE - RECORD)) {
    from = log_head() - <u32>(LOG_TEXT_SIZE - RECORD); // what was there is overwritten: on to the next whole line
    while (from < log_head() && log_byte(from - 1) != 10) from++;
  }
  let us: i64 = 0;
  let text = from;
  for (; text < log_head() && log_byte(text) != 93; text++) {
    const digit = <i32>log_byte(text) - 48;
    if (<u32>digit <= 9) us = us * 10 + digit;
  }
  text += 2;
  at = put_text(put_number(put_text(put_number(put_text(at, "6,"), from), ","), us), ",-;");
  for (let i = 0; i < RECORD - 80 && text < log_head(); i++, text++) {
    store<u8>(at++, log_byte(text));
    if (log_byte(text) == 10) break;
  }
  file.object = <usize>(text + 1);
  return at;
}

/** A line into the log. */
export function kmsg_write(file: File, from: usize, length: i32): i32 {
  const text = user_range(from, length);
  if (!text) return -EFAULT;
  const end = length && load<u8>(text + length - 1) == 10 ? length - 1 : length;
  log_begin();
  log_bytes(text, end);
  log_end();
  return length;
}
