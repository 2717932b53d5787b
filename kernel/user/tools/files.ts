/**
 * Tools that read files: cat, grep, head, wc.
 */
import { O_RDONLY } from "../../abi";
import { BUFFER, BUFFER_SIZE, close, open, read } from "../lib";
import { arg, parse } from "../process";
import { begin, complain, flush, length_of, misused, put, put_byte, put_bytes, put_number, put_zero_ended, same } from "../text";

const STDIN = 0;

/** Opens argument `index`, or standard input when there is no such argument or it is `-`; complains when it cannot. */
function open_argument(program: string, index: i32, count: i32): i32 {
  if (index >= count || same(arg(index), "-")) return STDIN;
  const fd = open(arg(index), length_of(arg(index)), O_RDONLY);
  if (fd < 0) complain(program, arg(index), fd);
  return fd;
}

function close_argument(fd: i32): void {
  if (fd != STDIN) close(fd);
}

/** More of `fd` into BUFFER: how many bytes, 0 at the end; complains about an error. */
function more(program: string, fd: i32): i32 {
  const got = read(fd, BUFFER, BUFFER_SIZE);
  if (got < 0) complain(program, 0, got);
  return got;
}

export function cat(argument: i32): i32 {
  const count = begin("cat [FILE...]");
  if (!count) return 0;
  let status = 0;
  for (let i = 1; i < max(count, 2); i++) {
    const fd = open_argument("cat", i, count);
    let got = fd < 0 ? fd : more("cat", fd);
    for (; got > 0; got = more("cat", fd)) {
      put_bytes(BUFFER, got);
      if (!flush()) return 1;
    }
    if (got < 0) status = 1;
    if (fd >= 0) close_argument(fd);
  }
  return status;
}

export function head(argument: i32): i32 {
  const usage = "head [-n LINES] [FILE]";
  const count = begin(usage);
  if (!count) return 0;
  const counted = count > 1 && same(arg(1), "-n");
  if (counted && (count < 3 || parse(arg(2)) < 0)) return misused(usage);
  let left = counted ? parse(arg(2)) : 10;
  const fd = open_argument("head", counted ? 3 : 1, count);
  if (fd < 0) return 1;
  while (left > 0) {
    const got = more("head", fd);
    if (got <= 0) break;
    for (let i = 0; i < got && left > 0; i++) {
      put_byte(load<u8>(BUFFER + i));
      if (load<u8>(BUFFER + i) == 10) left--;
    }
  }
  return flush() ? 0 : 1;
}

export function wc(argument: i32): i32 {
  const count = begin("wc [-l] [FILE]");
  if (!count) return 0;
  const only_lines = count > 1 && same(arg(1), "-l");
  const fd = open_argument("wc", only_lines ? 2 : 1, count);
  if (fd < 0) return 1;
  let lines = 0;
  let words = 0;
  let bytes = 0;
  let inside = false;
  for (let got = more("wc", fd); got > 0; got = more("wc", fd)) {
    for (let i = 0; i < got; i++) {
      const byte = load<u8>(BUFFER + i);
      const blank = byte == 32 || (byte >= 9 && byte <= 13);
      if (byte == 10) lines++;
      if (!blank && !inside) words++;
      inside = !blank;
    }
    bytes += got;
  }
  put_number(lines, only_lines ? 0 : 7);
  if (!only_lines) {
    put_number(words, 8);
    put_number(bytes, 8);
  }
  put("\n");
  return flush() ? 0 : 1;
}

const LINE: usize = memory.data(512);
const LINE_SIZE = 512;
const QUIET = 1;
const INVERT = 2;
const COUNT = 4;
const USAGE = "grep [-q] [-v] [-c] TEXT [FILE...]";

/** Looks for a text, not for an expression. */
export function grep(argument: i32): i32 {
  const count = begin(USAGE);
  if (!count) return 0;
  let options = 0;
  let first = 1;
  for (; first < count && load<u8>(arg(first)) == 45 && load<u8>(arg(first) + 1); first++) {
    const option = options_of(arg(first) + 1);
    if (option < 0) return misused(USAGE);
    options |= option;
  }
  if (first >= count) return misused(USAGE);
  let found = 0;
  let status = 0;
  for (let i = first + 1; i < max(count, first + 2); i++) {
    const fd = open_argument("grep", i, count);
    if (fd < 0) status = 2;
    else found += grep_file(fd, arg(first), options, count > first + 2 ? arg(i) : 0);
    if (fd >= 0) close_argument(fd);
  }
  flush();
  return status ? status : found ? 0 : 1;
}

function options_of(at: usize): i32 {
  let options = 0;
  for (; load<u8>(at); at++) {
    const letter = load<u8>(at);
    const option = letter == 113 ? QUIET : letter == 118 ? INVERT : letter == 99 ? COUNT : letter == 70 ? 0 : -1; // q v c F
    if (option < 0) return -1;
    options |= option;
  }
  return options;
}

/** Writes the lines that match, each behind `name` if there is one; gives how many. A line is cut at 511 bytes. */
function grep_file(fd: i32, text: usize, options: i32, name: usize): i32 {
  let found = 0;
  let length = 0;
  for (let got = more("grep", fd); got > 0 || length > 0; got = got > 0 ? more("grep", fd) : 0) {
    for (let i = 0; i < got || (got <= 0 && length > 0); i++) {
      const byte: u8 = got > 0 ? load<u8>(BUFFER + i) : 10;
      if (byte != 10) {
        if (length < LINE_SIZE - 1) store<u8>(LINE + length++, byte);
        continue;
      }
      store<u8>(LINE + length, 0);
      length = 0;
      if (contains(LINE, text) == ((options & INVERT) != 0)) continue;
      found++;
      if (!(options & (QUIET | COUNT))) show(name, LINE);
    }
  }
  if (options & COUNT) {
    put_number(found);
    put("\n");
  }
  return found;
}

function show(name: usize, line: usize): void {
  if (name) {
    put_zero_ended(name);
    put(":");
  }
  put_zero_ended(line);
  put("\n");
}

function contains(line: usize, text: usize): bool {
  const length = length_of(text);
  const last = length_of(line) - length;
  for (let from = 0; from <= last; from++) if (memory.compare(line + from, text, length) == 0) return true;
  return false;
}
