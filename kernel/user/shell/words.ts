/**
 * From a line to the words of one command: quotes, variables, redirections, and the operator behind it.
 *
 * The line is read once to look for errors (dry), then again to run it, so that nothing runs of a line that is wrong.
 */
import { O_APPEND, O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY } from "../../abi";
import { close, decimal, getpid, open } from "../lib";
import { complain, length_of } from "../text";
import { background, last_status, name_length, variable } from "./state";

export const LINE_SIZE = 1024;
/** The line, zero-ended. */
export const LINE: usize = memory.data(LINE_SIZE);
/** Words of the command, each with a zero behind it. */
export const WORDS: usize = memory.data(LINE_SIZE);
export let words = 0;
export let words_length = 0;

export const OP_END = 0;
export const OP_SEMICOLON = 1;
export const OP_BACKGROUND = 2;
export const OP_AND = 3;
export const OP_OR = 4;
export const OP_PIPE = 5;
export let operator = 0;

/** Descriptors that redirections opened for the command: FROM_PARENT, or SAME_AS_OUTPUT/ERROR, or a number. */
export const FROM_PARENT = -1;
export const SAME_AS_OUTPUT = -2;
export const SAME_AS_ERROR = -3;
export let input = -1;
export let output = -1;
export let error = -1;
export let redirections = 0;

let at: usize = 0;
let wrong = false;
let dry = false;
let failed = false;

/** Begins at the start of the line. */
export function rewind(only_looking: bool): void {
  at = LINE;
  operator = OP_SEMICOLON;
  dry = only_looking;
  wrong = false;
}

/** Reads one command; false when the line makes no sense here. */
export function read_command(skip: bool): bool {
  const kept = dry;
  const joined = operator == OP_PIPE || operator == OP_AND || operator == OP_OR;
  dry = dry || skip;
  words = words_length = redirections = 0;
  input = output = error = FROM_PARENT;
  failed = false;
  while (!wrong && !read_operator()) {
    if (!read_redirection()) read_word();
  }
  dry = kept;
  const joins = operator == OP_PIPE || operator == OP_AND || operator == OP_OR || operator == OP_BACKGROUND;
  if (words == 0 && redirections == 0 && (joined || joins)) wrong = true;
  return !wrong;
}

/** A redirection of the command could not be opened; it was complained about. */
export function redirection_failed(): bool {
  return failed;
}

/** Closes what redirections opened. */
export function close_redirections(): void {
  if (input >= 0) close(input);
  if (output >= 0) close(output);
  if (error >= 0) close(error);
}

@inline function peek(offset: i32 = 0): u8 {
  return load<u8>(at + offset);
}

function skip_blanks(): void {
  while (peek() == 32 || peek() == 9) at++;
}

/** Takes the operator that is next, if one is. */
function read_operator(): bool {
  skip_blanks();
  const byte = peek();
  const doubled = peek(1) == byte;
  if (byte == 0 || byte == 10 || byte == 35) operator = OP_END;
  else if (byte == 59) operator = OP_SEMICOLON;
  else if (byte == 38) operator = doubled ? OP_AND : OP_BACKGROUND;
  else if (byte == 124) operator = doubled ? OP_OR : OP_PIPE;
  else return false;
  if (operator != OP_END) at += operator == OP_AND || operator == OP_OR ? 2 : 1;
  return true;
}

/** Takes `<`, `>`, `>>`, `2>`, `2>&1` or `>&2` with its file, if one is next. */
function read_redirection(): bool {
  const numbered = peek() >= 48 && peek() <= 50 && (peek(1) == 62 || peek(1) == 60);
  const sign = peek(numbered ? 1 : 0);
  if (sign != 60 && sign != 62) return false;
  const fd = numbered ? <i32>peek() - 48 : sign == 60 ? 0 : 1;
  at += numbered ? 2 : 1;
  redirections++;
  const append = sign == 62 && peek() == 62;
  if (append) at++;
  if (sign == 62 && peek() == 38) {
    const other = peek(1);
    if (other != 49 && other != 50) wrong = true;
    set(fd, other == 49 ? SAME_AS_OUTPUT : SAME_AS_ERROR);
    at += 2;
    return true;
  }
  skip_blanks();
  const before = words;
  const path = WORDS + words_length;
  read_word();
  if (words == before) wrong = true;
  else words_length = <i32>(path - WORDS);
  words = before;
  if (wrong || dry || failed) return true;
  const flags = sign == 60 ? O_RDONLY : O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC);
  const opened = open(path, length_of(path), flags);
  if (opened < 0) {
    complain("sh", path, opened);
    failed = true;
  } else set(fd, opened);
  return true;
}

function set(fd: i32, to: i32): void {
  const before = fd == 0 ? input : fd == 1 ? output : error;
  if (before >= 0) close(before);
  if (fd == 0) input = to;
  else if (fd == 1) output = to;
  else error = to;
}

/** Adds a word; one that is empty without having been quoted is none. */
function read_word(): void {
  const start = words_length;
  let quoted = false;
  while (!wrong) {
    const byte = peek();
    if (byte == 0 || byte == 32 || byte == 9 || byte == 10 || byte == 59 || byte == 38 || byte == 124 || byte == 60 || byte == 62) break;
    at++;
    if (byte == 39) {
      quoted = true;
      read_quoted(39);
    } else if (byte == 34) {
      quoted = true;
      read_quoted(34);
    } else if (byte == 92) {
      if (peek()) add(load<u8>(at++));
      else wrong = true;
    } else if (byte == 36) expand();
    else add(byte);
  }
  if (words_length == start && !quoted) return;
  add(0);
  words++;
}

function read_quoted(end: u8): void {
  while (peek() != end) {
    const byte = peek();
    if (!byte) {
      wrong = true;
      return;
    }
    at++;
    if (end == 34 && byte == 36) expand();
    else if (end == 34 && byte == 92 && (peek() == 34 || peek() == 92 || peek() == 36)) add(load<u8>(at++));
    else add(byte);
  }
  at++;
}

/** What stands behind a `$`. */
function expand(): void {
  const byte = peek();
  if (byte == 63 || byte == 36 || byte == 33) {
    add_number(byte == 63 ? last_status : byte == 36 ? getpid() : background);
    at++;
    return;
  }
  const length = name_length(at);
  if (!length) return add(36);
  const value = variable(at, length);
  at += length;
  for (let i = 0; value && load<u8>(value + i); i++) add(load<u8>(value + i));
}

function add_number(value: i32): void {
  if (words_length + 12 > LINE_SIZE) wrong = true;
  else words_length += decimal(value, WORDS + words_length);
}

function add(byte: u8): void {
  if (words_length == LINE_SIZE) wrong = true;
  else store<u8>(WORDS + words_length++, byte);
}
