/**
 * Tools that read files: cat, grep, head, wc.
 */
import { O_RDONLY } from "../../abi";
import { BUFFER, BUFFER_SIZE, close, open, read } from "../lib";
import { arg, parse } from "../process";
import { begin, has_option, misused, option_value, take_options } from "../options";
import { complain, flush, length_of, put, put_byte, put_bytes, put_number, put_zero_ended, same } from "../text";

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

/** More of `fd`, which argument `index` named, into BUFFER: how many bytes, 0 at the end; complains about an error. */
function more(program: string, fd: i32, index: i32): i32 {
  const got = read(fd, BUFFER, BUFFER_SIZE);
  if (got < 0) complain(program, fd == STDIN ? 0 : arg(index), got);
  return got;
}

export function cat(argument: i32): i32 {
  const usage = "cat [FILE...]";
  const count = begin(usage);
  if (!count) return 0;
  const first = take_options(usage, count);
  if (first < 0) return 1;
  let status = 0;
  for (let i = first; i < max(count, first + 1); i++) {
    const fd = open_argument("cat", i, count);
    let got = fd < 0 ? fd : more("cat", fd, i);
    for (; got > 0; got = more("cat", fd, i)) {
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
  const first = take_options(usage, count, "n:");
  if (first < 0) return 1;
  let left = option_value ? parse(option_value) : 10;
  if (left < 0 || count > first + 1) return misused(usage);
  const fd = open_argument("head", first, count);
  if (fd < 0) return 1;
  while (left > 0) {
    const got = more("head", fd, first);
    if (got <= 0) break;
    for (let i = 0; i < got && left > 0; i++) {
      put_byte(load<u8>(BUFFER + i));
      if (load<u8>(BUFFER + i) == 10) left--;
    }
  }
  return flush() ? 0 : 1;
}

export function wc(argument: i32): i32 {
  const usage = "wc [-l] [-w] [-c] [FILE]";
  const count = begin(usage);
  if (!count) return 0;
  const first = take_options(usage, count, "lwc");
  if (first < 0) return 1;
  if (count > first + 1) return misused(usage);
  const all = !has_option(0) && !has_option(1) && !has_option(2);
  const fd = open_argument("wc", first, count);
  if (fd < 0) return 1;
  let lines = 0;
  let words = 0;
  let bytes = 0;
  let inside = false;
  for (let got = more("wc", fd, first); got > 0; got = more("wc", fd, first)) {
    for (let i = 0; i < got; i++) {
      const byte = load<u8>(BUFFER + i);
      const blank = byte == 32 || (byte >= 9 && byte <= 13);
      if (byte == 10) lines++;
      if (!blank && !inside) words++;
      inside = !blank;
    }
    bytes += got;
  }
  if (all || has_option(0)) put_number(lines, all ? 7 : 0);
  if (all || has_option(1)) put_number(words, all ? 8 : has_option(0) ? 8 : 0);
  if (all || has_option(2)) put_number(bytes, all || has_option(0) || has_option(1) ? 8 : 0);
  put("\n");
  return flush() ? 0 : 1;
}

const LINE: usize = memory.data(512);
const LINE_SIZE = 512;
/** Its options; all look for a text as it stands, so -F changes nothing. */
const LETTERS = "qvcF";
const QUIET = 0;
const INVERT = 1;
const COUNT = 2;
const USAGE = "grep [-q] [-v] [-c] TEXT [FILE...]";

/** Looks for a text, not for an expression. */
export function grep(argument: i32): i32 {
  const count = begin(USAGE);
  if (!count) return 0;
  const first = take_options(USAGE, count, LETTERS);
  if (first < 0) return 2;
  if (first >= count) return misused(USAGE);
  let found = 0;
  let status = 0;
  for (let i = first + 1; i < max(count, first + 2); i++) {
    const fd = open_argument("grep", i, count);
    if (fd < 0) status = 2;
    else found += grep_file(fd, arg(first), i, count > first + 2);
    if (fd >= 0) close_argument(fd);
  }
  flush();
  return status ? status : found ? 0 : 1;
}

/** Writes the lines that match, each behind the name of the file if `named`; gives how many. A line is cut at 511 bytes. */
function grep_file(fd: i32, text: usize, index: i32, named: bool): i32 {
  let found = 0;
  let length = 0;
  for (let got = more("grep", fd, index); got > 0 || length > 0; got = got > 0 ? more("grep", fd, index) : 0) {
    for (let i = 0; i < got || (got <= 0 && length > 0); i++) {
      const byte: u8 = got > 0 ? load<u8>(BUFFER + i) : 10;
      if (byte != 10) {
        if (length < LINE_SIZE - 1) store<u8>(LINE + length++, byte);
        continue;
      }
      store<u8>(LINE + length, 0);
      length = 0;
      if (contains(LINE, text) == has_option(INVERT)) continue;
      found++;
      if (!has_option(QUIET) && !has_option(COUNT)) show(named ? arg(index) : 0, LINE);
    }
  }
  if (has_option(COUNT)) {
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
