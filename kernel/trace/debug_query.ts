/**
 * Queries of dynamic debug, as on Linux: which lines, and what becomes of their flags.
 *
 *   [func NAME] [file NAME] [module NAME] [format "TEXT"] [line N[-M]] … FLAGS      FLAGS: one of + - =, then of p m f l t or _
 *
 * A line changes when all that is said of it fits; names may be patterns. A query that fits no line is none the worse.
 */
import { EINVAL } from "../abi";
import { WORD } from "../layout";
import {
  DEBUG_ROW_FILE, DEBUG_ROW_FILE_LENGTH, DEBUG_ROW_FORMAT, DEBUG_ROW_FORMAT_LENGTH, DEBUG_ROW_FUNCTION, DEBUG_ROW_FUNCTION_LENGTH, DEBUG_ROW_LINE,
} from "../records";
import { parse_number, spells } from "../lib/text";
import { DEBUG_LINE_END, debug_flags, debug_row, owner_length, owner_name, set_debug_flags } from "./debug_lines";
import { glob_match } from "./glob";

const SPACE: u8 = 32;
const QUOTE: u8 = 34;
const PLUS: u8 = 43;
const MINUS: u8 = 45;
const SLASH: u8 = 47;
const EQUALS: u8 = 61;
const UNDERSCORE: u8 = 95;

const KEYWORDS: StaticArray<string> = ["func", "file", "module", "format", "line"];
const FUNC = 0;
const FILE = 1;
const MODULE = 2;
const FORMAT = 3;
const LINE = 4;
/** Letters in the order of their bits. */
export const FLAG_LETTERS: StaticArray<u8> = [112, 109, 102, 108, 116]; // p m f l t

/** A query that was taken apart: address and length of each keyword's value, 0 where it is not given; first and last line. */
@unmanaged
export class DebugQuery {
  value_0: u64;
  value_1: u64;
  value_2: u64;
  value_3: u64;
  value_4: u64;
  first: i32;
  last: i32;
  operation: i32;
  flags: i32;
}
export const DEBUG_QUERY_SIZE = <i32>offsetof<DebugQuery>();

@inline function value(query: DebugQuery, keyword: i32): usize {
  return <usize>load<u32>(changetype<usize>(query) + (<usize>keyword << 3));
}
@inline function length_of(query: DebugQuery, keyword: i32): i32 {
  return load<i32>(changetype<usize>(query) + (<usize>keyword << 3), WORD);
}

/** Takes the query between `at` and `end` apart, and carries it out: 0, or -EINVAL with nothing changed. */
@notrace export function debug_query(query: DebugQuery, at: usize, end: usize): i32 {
  memory.fill(changetype<usize>(query), 0, DEBUG_QUERY_SIZE);
  query.last = i32.MAX_VALUE;
  for (;;) {
    const word = past_spaces(at, end);
    const word_end = end_of_word(word, end);
    const rest = past_spaces(word_end, end);
    if (rest >= end) {
      if (!read_flags(query, word, <i32>(word_end - word))) return -EINVAL;
      break;
    }
    const keyword = keyword_of(word, <i32>(word_end - word));
    const quoted = load<u8>(rest) == QUOTE;
    const from = quoted ? rest + 1 : rest;
    const to = quoted ? end_of_quote(from, end) : end_of_word(from, end);
    if (keyword < 0 || value(query, keyword) || to == from || (quoted && to >= end)) return -EINVAL;
    store<u32>(changetype<usize>(query) + (<usize>keyword << 3), <u32>from);
    store<i32>(changetype<usize>(query) + (<usize>keyword << 3), <i32>(to - from), WORD);
    if (keyword == LINE && !read_lines(query, from, <i32>(to - from))) return -EINVAL;
    at = quoted ? to + 1 : to;
  }
  for (let line = 0; line < DEBUG_LINE_END; line++) {
    const row = debug_row(line);
    if (row && fits(query, line, row)) set_debug_flags(line, changed(query, debug_flags(line)));
  }
  return 0;
}

@notrace function changed(query: DebugQuery, flags: i32): i32 {
  if (query.operation == PLUS) return flags | query.flags;
  return query.operation == MINUS ? flags & ~query.flags : query.flags;
}

@notrace function fits(query: DebugQuery, line: i32, row: usize): bool {
  const number = load<i32>(row, DEBUG_ROW_LINE);
  if (number < query.first || number > query.last) return false;
  if (!fits_pattern(query, FUNC, <usize>load<u32>(row, DEBUG_ROW_FUNCTION), load<i32>(row, DEBUG_ROW_FUNCTION_LENGTH))) return false;
  if (!fits_pattern(query, MODULE, owner_name(line, row), owner_length(line, row))) return false;
  const file = <usize>load<u32>(row, DEBUG_ROW_FILE);
  const length = load<i32>(row, DEBUG_ROW_FILE_LENGTH);
  let base = length;
  while (base > 0 && load<u8>(file + base - 1) != SLASH) base--;
  if (!fits_pattern(query, FILE, file, length) && !fits_pattern(query, FILE, file + base, length - base)) return false;
  return !value(query, FORMAT) || holds(<usize>load<u32>(row, DEBUG_ROW_FORMAT), load<i32>(row, DEBUG_ROW_FORMAT_LENGTH), value(query, FORMAT), length_of(query, FORMAT));
}

@notrace function fits_pattern(query: DebugQuery, keyword: i32, name: usize, length: i32): bool {
  return !value(query, keyword) || glob_match(value(query, keyword), length_of(query, keyword), name, length);
}

@notrace function holds(text: usize, length: i32, part: usize, bytes: i32): bool {
  for (let at = 0; at + bytes <= length; at++) if (!memory.compare(text + at, part, bytes)) return true;
  return false;
}

@notrace function past_spaces(at: usize, end: usize): usize {
  while (at < end && load<u8>(at) <= SPACE) at++;
  return at;
}
@notrace function end_of_word(at: usize, end: usize): usize {
  while (at < end && load<u8>(at) > SPACE) at++;
  return at;
}
@notrace function end_of_quote(at: usize, end: usize): usize {
  while (at < end && load<u8>(at) != QUOTE) at++;
  return at;
}

@notrace function keyword_of(at: usize, length: i32): i32 {
  for (let keyword = 0; keyword < KEYWORDS.length; keyword++) if (spells(at, length, unchecked(KEYWORDS[keyword]))) return keyword;
  return -1;
}

/** `N`, `N-M`, `N-` or `-M`. */
@notrace function read_lines(query: DebugQuery, at: usize, length: i32): bool {
  let dash = 0;
  while (dash < length && load<u8>(at + dash) != MINUS) dash++;
  const first = dash ? parse_number(at, dash) : 0;
  const last = dash == length ? first : dash + 1 == length ? i32.MAX_VALUE : parse_number(at + dash + 1, length - dash - 1);
  query.first = first;
  query.last = last;
  return first >= 0 && last >= first;
}

@notrace function read_flags(query: DebugQuery, at: usize, length: i32): bool {
  if (length < 2) return false;
  const operation = load<u8>(at);
  if (operation != PLUS && operation != MINUS && operation != EQUALS) return false;
  query.operation = operation;
  for (let place = 1; place < length; place++) {
    const letter = load<u8>(at + place);
    let bit = 0;
    while (bit < FLAG_LETTERS.length && unchecked(FLAG_LETTERS[bit]) != letter) bit++;
    if (bit < FLAG_LETTERS.length) query.flags |= 1 << bit;
    else if (letter != UNDERSCORE) return false;
  }
  return true;
}
