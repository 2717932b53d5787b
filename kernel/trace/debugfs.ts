/**
 * /sys/kernel/debug/dynamic_debug/control: all lines of pr_debug(), and queries that turn them on and off.
 */
import { ENOMEM, S_IFDIR } from "../abi";
import { add_attribute, add_directory } from "../fs/attributes";
import { failed } from "../fs/inode";
import { put_inode } from "../fs/lifetime";
import { directory_at } from "../fs/sysfs";
import {
  DEBUG_ROW_FILE, DEBUG_ROW_FILE_LENGTH, DEBUG_ROW_FORMAT, DEBUG_ROW_FORMAT_LENGTH, DEBUG_ROW_FUNCTION, DEBUG_ROW_FUNCTION_LENGTH, DEBUG_ROW_LINE,
} from "../records";
import { put_bytes, put_number, put_text } from "../lib/text";
import { kfree, kmalloc } from "../mm/slab";
import { lock_modules, unlock_modules } from "../module/module";
import { DEBUG_LINE_END, debug_flags, debug_row, owner_length, owner_name } from "./debug_lines";
import { DEBUG_QUERY_SIZE, DebugQuery, FLAG_LETTERS, debug_query } from "./debug_query";

/** Only root looks. */
const PRIVATE = S_IFDIR | 0o700;
const NEWLINE: u8 = 10;
const SEMICOLON: u8 = 59;
const COMMENT: u8 = 35;
const SPACE: u8 = 32;
/** Room that a line may need. */
const LINE_ROOM = 400;
/** 16 KiB of lines. */
const ORDER = 2;

/** At the end of boot. */
@sleeps export function debugfs_init(): void {
  const kernel = directory_at("/sys/kernel");
  if (failed(kernel)) return;
  const debug = add_directory(kernel, "debug");
  put_inode(kernel);
  if (failed(debug)) return;
  debug.mode = PRIVATE;
  const control = add_attribute(add_directory(debug, "dynamic_debug"), "control", 0o644, show_lines, store_queries, 0);
  if (!failed(control)) control.order = ORDER;
}

/** `file:line [module]function =flags "format"`. */
function show_lines(at: usize, limit: usize, subject: i32): usize {
  at = put_text(at, "# filename:lineno [module]function flags format\n");
  lock_modules(); // their rows stay
  for (let line = 0; line < DEBUG_LINE_END && at + LINE_ROOM < limit; line++) {
    const row = debug_row(line);
    if (!row) continue;
    at = put_bytes(at, <usize>load<u32>(row, DEBUG_ROW_FILE), load<i32>(row, DEBUG_ROW_FILE_LENGTH));
    at = put_number(put_text(at, ":"), load<i32>(row, DEBUG_ROW_LINE));
    at = put_bytes(put_text(at, " ["), owner_name(line, row), owner_length(line, row));
    at = put_bytes(put_text(at, "]"), <usize>load<u32>(row, DEBUG_ROW_FUNCTION), load<i32>(row, DEBUG_ROW_FUNCTION_LENGTH));
    at = put_flags(put_text(at, " ="), debug_flags(line));
    at = put_bytes(put_text(at, " \""), <usize>load<u32>(row, DEBUG_ROW_FORMAT), load<i32>(row, DEBUG_ROW_FORMAT_LENGTH));
    at = put_text(at, "\"\n");
  }
  unlock_modules();
  return at;
}

@notrace function put_flags(at: usize, flags: i32): usize {
  if (!flags) return put_text(at, "_");
  for (let bit = 0; bit < FLAG_LETTERS.length; bit++) if (flags & (1 << bit)) store<u8>(at++, unchecked(FLAG_LETTERS[bit]));
  return at;
}

/** Queries, each ended by a newline or a semicolon: all are carried out, and the last error is the answer. */
function store_queries(subject: i32, text: usize, length: i32): i32 {
  const query = kmalloc(DEBUG_QUERY_SIZE);
  if (!query) return -ENOMEM;
  let result = length;
  lock_modules(); // one writer at a time, and modules' rows stay
  for (let at = 0; at < length; at++) {
    const from = at;
    while (at < length && load<u8>(text + at) != NEWLINE && load<u8>(text + at) != SEMICOLON) at++;
    let first = from;
    while (first < at && load<u8>(text + first) <= SPACE) first++;
    if (first == at || load<u8>(text + first) == COMMENT) continue;
    const error = debug_query(changetype<DebugQuery>(query), text + first, text + at);
    if (error) result = error;
  }
  unlock_modules();
  kfree(query);
  return result;
}
