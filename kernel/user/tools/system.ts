/**
 * Tools that look at the system and set it: mount, dmesg, sysctl.
 */
import { EAGAIN, O_NONBLOCK, O_RDONLY, O_WRONLY } from "../../abi";
import { BUFFER, BUFFER_SIZE, ascii, close, open, read, write } from "../lib";
import { arg } from "../process";
import { begin, has_option, misused, take_options } from "../options";
import { complain, copy, flush, length_of, put, put_byte, put_bytes } from "../text";
import { NAME, PATH, PATH_ROOM, is_directory, next_name } from "./list";

/** What is mounted where: `proc on /proc type proc (rw,relatime)`. Mounting is the kernel's, at boot. */
export function mount(argument: i32): i32 {
  const usage = "mount";
  const count = begin(usage);
  if (!count) return 0;
  if (take_options(usage, count) < 0) return 1;
  if (count > 1) return misused(usage);
  const fd = open(PATH, ascii("/proc/mounts", PATH), O_RDONLY);
  if (fd < 0) return complain("mount", 0, fd);
  let field = 0;
  for (let got = read(fd, BUFFER, BUFFER_SIZE); got > 0; got = read(fd, BUFFER, BUFFER_SIZE)) {
    for (let i = 0; i < got; i++) {
      const byte = load<u8>(BUFFER + i);
      if (byte == 10) field = 0;
      else if (byte == 32) put_separator(++field);
      else if (field < 4) put_byte(byte);
    }
  }
  close(fd);
  return flush() ? 0 : 1;
}

/** What stands before field `field` of a line of /proc/mounts; a line ends behind the fourth. */
function put_separator(field: i32): void {
  if (field == 1) put(" on ");
  else if (field == 2) put(" type ");
  else if (field == 3) put(" (");
  else if (field == 4) put(")\n");
}

/** The kernel's log, from /dev/kmsg; with -w also what comes from now on. */
export function dmesg(argument: i32): i32 {
  const usage = "dmesg [-w]";
  const count = begin(usage);
  if (!count) return 0;
  const first = take_options(usage, count, "w");
  if (first < 0) return 1;
  if (first < count) return misused(usage);
  const waits = has_option(0);
  const fd = open(PATH, ascii("/dev/kmsg", PATH), waits ? O_RDONLY : O_RDONLY | O_NONBLOCK);
  if (fd < 0) return complain("dmesg", 0, fd);
  let got = read(fd, BUFFER, BUFFER_SIZE);
  for (; got > 0; got = read(fd, BUFFER, BUFFER_SIZE)) {
    put_record(got);
    if (waits && !flush()) return 1;
  }
  close(fd);
  if (got < 0 && got != -EAGAIN) return complain("dmesg", 0, got);
  return flush() ? 0 : 1;
}

const US_DIGITS = 6;

/** A record `priority,number,µs,flags;text` as a line of the log. */
function put_record(length: i32): void {
  let at = BUFFER;
  for (let commas = 0; commas < 2; at++) if (load<u8>(at) == 44) commas++;
  let digits = 0;
  while (load<u8>(at + digits) != 44) digits++;
  put("[");
  // The digits before the last six are seconds, padded to five.
  for (let i = max(digits - US_DIGITS, 1); i < 5; i++) put(" ");
  if (digits <= US_DIGITS) put("0");
  else put_bytes(at, digits - US_DIGITS);
  put(".");
  for (let i = digits; i < US_DIGITS; i++) put("0");
  put_bytes(at + max(digits - US_DIGITS, 0), min(digits, US_DIGITS));
  put("] ");
  while (load<u8>(at) != 59) at++;
  put_bytes(at + 1, <i32>(BUFFER + length - at) - 1);
}

const ROOT = "/proc/sys/";
const ROOT_LENGTH = 10;
const VALUE: usize = memory.data(128);
const VALUE_ROOM = 128;

export function sysctl(argument: i32): i32 {
  const usage = "sysctl [-n] NAME... | sysctl [-w] NAME=VALUE... | sysctl -a";
  const count = begin(usage);
  if (!count) return 0;
  const first = take_options(usage, count, "anw");
  if (first < 0) return 1;
  ascii(ROOT, PATH);
  if (has_option(0)) return show_all(ROOT_LENGTH) && flush() ? 0 : 1;
  const bare = has_option(1);
  if (first >= count) return misused(usage);
  let status = 0;
  for (let i = first; i < count; i++) {
    const name = arg(i);
    let end = 0;
    while (load<u8>(name + end) && load<u8>(name + end) != 61) end++;
    if (end >= PATH_ROOM - ROOT_LENGTH) return misused(usage);
    const value = load<u8>(name + end) ? name + end + 1 : 0;
    for (let at = 0; at < end; at++) {
      const byte = load<u8>(name + at);
      store<u8>(PATH + ROOT_LENGTH + at, byte == 46 ? 47 : byte);
    }
    store<u8>(PATH + ROOT_LENGTH + end, 0);
    const error = value ? write_value(value) : 0;
    if (error < 0) status = refuse(error);
    else if (!show_one(bare)) status = 1;
  }
  return flush() ? status : 1;
}

/** Says why the file at PATH cannot be read or written; gives 1. */
function refuse(error: i32): i32 {
  return complain("sysctl", PATH, error);
}

function write_value(value: usize): i32 {
  const fd = open(PATH, length_of(PATH), O_WRONLY);
  if (fd < 0) return fd;
  const length = min(copy_line(value), VALUE_ROOM);
  const error = write(fd, VALUE, length);
  close(fd);
  return error;
}

/** The text at `from`, with a newline behind it, in VALUE. */
function copy_line(from: usize): i32 {
  const length = min(length_of(from), VALUE_ROOM - 1);
  memory.copy(VALUE, from, length);
  store<u8>(VALUE + length, 10);
  return length + 1;
}

/** `kernel.tainted = 0`, of the file at PATH; with `bare` the value alone. */
function show_one(bare: bool): bool {
  const fd = open(PATH, length_of(PATH), O_RDONLY);
  const got = fd < 0 ? fd : read(fd, VALUE, VALUE_ROOM);
  if (fd >= 0) close(fd);
  if (got < 0) {
    refuse(got);
    return false;
  }
  if (!bare) {
    for (let at = PATH + ROOT_LENGTH; load<u8>(at); at++) put_byte(load<u8>(at) == 47 ? 46 : load<u8>(at));
    put(" = ");
  }
  put_bytes(VALUE, got);
  return true;
}

/** Every file below the directory that the first `length` bytes of PATH name, with a slash at their end. */
function show_all(length: i32): bool {
  store<u8>(PATH + length, 0);
  let good = true;
  let name = next_name(PATH, true, false);
  for (; name > 0; name = next_name(PATH, false, false)) {
    copy(PATH + length, NAME);
    if (is_directory(PATH)) {
      store<u8>(PATH + length + name, 47);
      good = show_all(length + name + 1) && good;
      // The directory's own name is where the listing goes on.
      store<u8>(PATH + length + name, 0);
      copy(NAME, PATH + length);
    } else good = show_one(false) && good;
    store<u8>(PATH + length, 0);
  }
  return good && name == 0;
}
