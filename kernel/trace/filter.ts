/**
 * set_ftrace_filter and set_ftrace_notrace: which functions are traced, by name.
 *
 * A write is words: a name or a pattern marks functions, with `!` in front it takes their marks away. As long as
 * nobody has the filter's mark, everybody counts as marked.
 */
import { EINVAL } from "../abi";
import { SYMBOL_NAME, SYMBOL_NAME_LENGTH } from "../layout";
import { put_bytes, put_text } from "../lib/text";
import { module_at } from "../module/module";
import { symbol_row } from "../sched/stacktrace";
import { any_marked, tracing_lock, tracing_unlock, update_tracing } from "./control";
import { glob_match } from "./glob";
import { MARK_NOTRACE, SLOT_END, function_of, marks_of, set_marks, slot_module } from "./state";

const NOT: u8 = 33;
const COMMENT: u8 = 35;
/** Longest name of a function with its newline. */
const NAME_ROOM = 192;

/** Adds and removes what the words at `text` name: `length`, or -EINVAL when a word fits no function. */
@notrace export function filter_store(mark: i32, text: usize, length: i32): i32 {
  tracing_lock();
  let result = length;
  for (let at = 0; at < length && result >= 0; ) {
    if (is_space(load<u8>(text + at))) {
      at++;
      continue;
    }
    const from = at;
    while (at < length && !is_space(load<u8>(text + at))) at++;
    if (load<u8>(text + from) == COMMENT) break; // what a read of the file says when nothing is set
    if (!mark_matching(mark, text + from, at - from)) result = -EINVAL;
  }
  update_tracing();
  tracing_unlock();
  return result;
}

/** The file is opened to be written anew. */
@notrace export function filter_clear(mark: i32): i32 {
  tracing_lock();
  for (let slot = 1; slot < SLOT_END; slot++) set_marks(slot, marks_of(slot) & ~mark);
  update_tracing();
  tracing_unlock();
  return 0;
}

@notrace function is_space(char: u8): bool {
  return char == 32 || (char >= 9 && char <= 13) || char == 0;
}

@notrace function mark_matching(mark: i32, word: usize, length: i32): bool {
  const off = load<u8>(word) == NOT;
  if (off) {
    word++;
    length--;
  }
  let found = false;
  for (let slot = 1; slot < SLOT_END; slot++) {
    if (!function_of(slot) || !fits(slot, word, length)) continue;
    found = true;
    set_marks(slot, off ? marks_of(slot) & ~mark : marks_of(slot) | mark);
  }
  return found;
}

@notrace function fits(slot: i32, word: usize, length: i32): bool {
  const row = symbol_row(function_of(slot));
  return glob_match(word, length, <usize>load<u32>(row, SYMBOL_NAME), load<i32>(row, SYMBOL_NAME_LENGTH));
}

/** The names that have `mark`, or all for 0, one per line. */
@notrace export function filter_show(at: usize, limit: usize, mark: i32): usize {
  if (mark && !any_marked(mark)) return put_text(at, mark == MARK_NOTRACE ? "#### no functions disabled ####\n" : "#### all functions enabled ####\n");
  for (let slot = 1; slot < SLOT_END && at + NAME_ROOM < limit; slot++) {
    if (function_of(slot) && (!mark || marks_of(slot) & mark)) at = put_text(put_owner(put_function(at, function_of(slot)), slot), "\n");
  }
  return at;
}

/** Whose function it is, if a module's. */
@notrace function put_owner(at: usize, slot: i32): usize {
  const number = slot_module(slot);
  if (number < 0) return at;
  const module = module_at(number);
  return put_text(put_bytes(put_text(at, " ["), module.name, module.name_length), "]");
}

/** Writes the name of a frame id's function; 0 and what is gone are 0x0. */
@notrace export function put_function(at: usize, id: i32): usize {
  const row = id ? symbol_row(id) : 0;
  if (!row) return put_text(at, "0x0");
  return put_bytes(at, <usize>load<u32>(row, SYMBOL_NAME), min(load<i32>(row, SYMBOL_NAME_LENGTH), 64));
}
