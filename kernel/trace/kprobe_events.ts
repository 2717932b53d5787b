/**
 * kprobe_events: events are made and taken away by lines, as on Linux.
 *
 *   p[:[GROUP/]NAME] [MODULE:]FUNCTION[+0]     an event at the function's entry
 *   -:[GROUP/]NAME                             takes it away; -EBUSY while it is on
 *
 * Opened to be written anew all go. The log says why a line was refused. There is no probe of a return, none within a
 * function, and none that shows arguments.
 */
import { EINVAL, ENOENT, ENOMEM, EOPNOTSUPP } from "../abi";
import { printk } from "../lib/printk";
import { put_text, trimmed } from "../lib/text";
import { kfree, kmalloc } from "../mm/slab";
import { tracing_lock, tracing_unlock } from "./control";
import { add_event, remove_event, remove_events } from "./event";
import { EVENT_GROUP, EVENT_MODULE, EVENT_NAMES_SIZE, EVENT_NAME_MOST, EVENT_OWN_NAME, EVENT_SYMBOL, find_event, part_at, part_length, set_part, set_part_length } from "./event_names";

const NEWLINE: u8 = 10;
const SPACE: u8 = 32;
const COMMENT: u8 = 35;
const PLUS: u8 = 43;
const MINUS: u8 = 45;
const SLASH: u8 = 47;
const COLON: u8 = 58;
const ZERO: u8 = 48;
const NINE: u8 = 57;
const UNDERSCORE: u8 = 95;
const P: u8 = 112;
const R: u8 = 114;
/** Bytes of an invented name that are not its function's. */
const AROUND = 4;

/** Each line is carried out; `length`, or why one was refused, and those behind it are not looked at. */
@notrace export function events_store(subject: i32, text: usize, length: i32): i32 {
  const names = kmalloc(EVENT_NAMES_SIZE);
  if (!names) return -ENOMEM;
  let result = 0;
  tracing_lock();
  for (let at = 0; at < length && !result; ) {
    const from = at;
    while (at < length && load<u8>(text + at) != NEWLINE) at++;
    memory.fill(names, 0, EVENT_NAMES_SIZE);
    result = command(text + from, text + from + trimmed(text + from, at - from), names);
    at++;
  }
  tracing_unlock();
  kfree(names);
  return result ? result : length;
}

/** The file is opened to be written anew. */
@notrace export function events_clear(subject: i32): i32 {
  tracing_lock();
  const result = remove_events();
  tracing_unlock();
  return result;
}

@notrace function refused(why: string, error: i32): i32 {
  printk(why);
  return -error;
}

@notrace function command(at: usize, end: usize, names: usize): i32 {
  at = past_spaces(at, end);
  if (at >= end || load<u8>(at) == COMMENT) return 0;
  const what = load<u8>(at++);
  if (what == R) return refused("trace_kprobe: error: Return probes are not supported", EOPNOTSUPP);
  if (what != P && what != MINUS) return refused("trace_kprobe: error: A line begins with p or -", EINVAL);
  const name_end = word_end(at, end);
  const named = at < name_end;
  if (named && (load<u8>(at) != COLON || !read_name(at + 1, name_end, names))) return refused("trace_kprobe: error: Event name must follow the rules for C identifiers", EINVAL);
  at = past_spaces(name_end, end);
  if (what == MINUS) return !named || at < end ? refused("trace_kprobe: error: Which event is to go?", EINVAL) : remove(names);
  const symbol_end = word_end(at, end);
  if (past_spaces(symbol_end, end) < end) return refused("trace_kprobe: error: Arguments cannot be fetched", EINVAL);
  if (!read_symbol(at, symbol_end, names)) return refused("trace_kprobe: error: Invalid probed address or symbol", EINVAL);
  const symbol = min(part_length(names, EVENT_SYMBOL), EVENT_NAME_MOST - AROUND);
  if (!named) give_part(names, EVENT_OWN_NAME, "p_", part_at(names, EVENT_SYMBOL), symbol, "_0");
  if (!part_length(names, EVENT_GROUP)) give_part(names, EVENT_GROUP, "kprobes", 0, 0, "");
  const result = add_event(names);
  return result == -ENOENT ? refused("trace_kprobe: error: There is no such function", ENOENT) : result;
}

@notrace function remove(names: usize): i32 {
  const probe = find_event(names, !part_length(names, EVENT_GROUP));
  return changetype<usize>(probe) ? remove_event(probe) : -ENOENT;
}

@notrace function past_spaces(at: usize, end: usize): usize {
  while (at < end && load<u8>(at) <= SPACE) at++;
  return at;
}
@notrace function word_end(at: usize, end: usize): usize {
  while (at < end && load<u8>(at) > SPACE) at++;
  return at;
}
@notrace function find_char(at: usize, end: usize, char: u8): usize {
  while (at < end && load<u8>(at) != char) at++;
  return at;
}

/** `[GROUP/]NAME`. */
@notrace function read_name(at: usize, end: usize, names: usize): bool {
  const slash = find_char(at, end, SLASH);
  if (slash < end && !read_identifier(at, slash, names, EVENT_GROUP)) return false;
  return read_identifier(slash < end ? slash + 1 : at, end, names, EVENT_OWN_NAME);
}

@notrace function read_identifier(at: usize, end: usize, names: usize, part: i32): bool {
  for (let place = at; place < end; place++) {
    const char = load<u8>(place);
    if (!is_letter(char) && (place == at || !is_digit(char))) return false;
  }
  return read_part(at, end, names, part);
}

@inline function is_letter(char: u8): bool {
  return ((char | 32) >= 97 && (char | 32) <= 122) || char == UNDERSCORE;
}
@inline function is_digit(char: u8): bool {
  return char >= ZERO && char <= NINE;
}

@notrace function read_part(at: usize, end: usize, names: usize, part: i32): bool {
  const length = <i32>(end - at);
  if (length < 1 || length >= EVENT_NAME_MOST) return false;
  set_part(names, part, at, length);
  return true;
}

/** `[MODULE:]FUNCTION[+0]`: a probe lies at an entry. */
@notrace function read_symbol(at: usize, end: usize, names: usize): bool {
  const colon = find_char(at, end, COLON);
  if (colon < end && !read_part(at, colon, names, EVENT_MODULE)) return false;
  const from = colon < end ? colon + 1 : at;
  const plus = find_char(from, end, PLUS);
  if (plus < end && (end - plus != 2 || load<u8>(plus + 1) != ZERO)) return false;
  return read_part(from, plus, names, EVENT_SYMBOL);
}

/** The name of a part that was not given. */
@notrace function give_part(names: usize, part: i32, before: string, middle: usize, length: i32, behind: string): void {
  const from = part_at(names, part);
  const at = put_text(from, before);
  set_part_length(names, part, <i32>(put_text(put_identifier(at, middle, length), behind) - from));
}

/** What cannot stand in a name is an underscore there. */
@notrace function put_identifier(at: usize, from: usize, length: i32): usize {
  for (let i = 0; i < length; i++) {
    const char = load<u8>(from + i);
    store<u8>(at++, is_letter(char) || is_digit(char) ? char : UNDERSCORE);
  }
  return at;
}
