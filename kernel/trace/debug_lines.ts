/**
 * Lines of pr_debug(): where each stands, and how the log shows it.
 *
 *   DEBUG_FLAGS[n]    a byte: DEBUG_* bits; the code looks at it before each call. Written by the holder of
 *                     lock_modules(), read by everybody at any time
 *   n                 below DEBUG_KERNEL_LINES the kernel's, rows at MACHINE_DEBUG_LINES; above them DEBUG_MODULE_LINES for
 *                     each module, rows in its own memory
 */
import { in_irq } from "../cpu/irq";
import {
  DEBUG_FLAGS, DEBUG_KERNEL_LINES, DEBUG_MODULE_LINES, MACHINE, MACHINE_DEBUG_LINES, MACHINE_DEBUG_LINE_COUNT, MAX_MODULES, MODULE_HEAD_DEBUG_LINES,
  MODULE_HEAD_DEBUG_LINE_COUNT,
} from "../layout";
import {
  DEBUG_ROW_FILE, DEBUG_ROW_FORMAT, DEBUG_ROW_FORMAT_LENGTH, DEBUG_ROW_FUNCTION, DEBUG_ROW_FUNCTION_LENGTH, DEBUG_ROW_LINE, DEBUG_ROW_SIZE,
} from "../records";
import { log_begin, log_bytes, log_char, log_end, log_num, log_str, log_zero_ended } from "../lib/printk";
import { Module, module_at } from "../module/module";
import { current } from "../sched/task";

export const DEBUG_PRINT = 1;
export const DEBUG_MODULE = 2;
export const DEBUG_FUNCTION = 4;
export const DEBUG_LINE = 8;
export const DEBUG_TASK = 16;

/** Numbers of lines are below this. */
export const DEBUG_LINE_END = DEBUG_KERNEL_LINES + MAX_MODULES * DEBUG_MODULE_LINES;
const PERCENT: u8 = 37;
const S: u8 = 115;
const D: u8 = 100;
const NAME_MOST = 64;
const SLASH: u8 = 47;
/** `kernel/`. */
const KERNEL = 7;

@inline export function debug_flags(line: i32): i32 {
  return <i32>load<u8>(DEBUG_FLAGS + line);
}
@inline export function set_debug_flags(line: i32, flags: i32): void {
  store<u8>(DEBUG_FLAGS + line, <u8>flags);
}

/** The module that the line is of, or null. */
@notrace export function debug_module(line: i32): Module {
  return line < DEBUG_KERNEL_LINES ? changetype<Module>(0) : module_at((line - DEBUG_KERNEL_LINES) / DEBUG_MODULE_LINES);
}

/** Its row, or 0 for a number that no line has. */
@notrace export function debug_row(line: i32): usize {
  const module = debug_module(line);
  if (!changetype<usize>(module)) return row_of(load<u32>(MACHINE, MACHINE_DEBUG_LINES), load<i32>(MACHINE, MACHINE_DEBUG_LINE_COUNT), line);
  if (!module.rows) return 0;
  const place = (line - DEBUG_KERNEL_LINES) % DEBUG_MODULE_LINES;
  return row_of(load<u32>(module.block, MODULE_HEAD_DEBUG_LINES), load<i32>(module.block, MODULE_HEAD_DEBUG_LINE_COUNT), place);
}

@inline function row_of(rows: u32, count: i32, place: i32): usize {
  return place < count ? <usize>(rows + place * DEBUG_ROW_SIZE) : 0;
}

/** What the code calls instead of pr_debug(), when the line's byte is set. */
@notrace export function debug_line(line: i32, name: usize, number: i32): void {
  const flags = debug_flags(line);
  const row = flags & DEBUG_PRINT ? debug_row(line) : 0;
  if (!row) return;
  log_begin();
  if (flags & DEBUG_TASK) put_task();
  if (flags & DEBUG_MODULE) put_owner(line, row);
  if (flags & DEBUG_FUNCTION) {
    log_bytes(<usize>load<u32>(row, DEBUG_ROW_FUNCTION), load<i32>(row, DEBUG_ROW_FUNCTION_LENGTH));
    log_str(":");
  }
  if (flags & DEBUG_LINE) {
    log_num(load<i32>(row, DEBUG_ROW_LINE));
    log_str(":");
  }
  if (flags & (DEBUG_MODULE | DEBUG_FUNCTION | DEBUG_LINE)) log_str(" ");
  put_format(row, name, number);
  log_end();
}

@notrace function put_task(): void {
  if (in_irq()) return log_str("<intr> ");
  log_str("[");
  log_num(current().pid);
  log_str("] ");
}

@notrace function put_owner(line: i32, row: usize): void {
  log_bytes(owner_name(line, row), owner_length(line, row));
  log_str(":");
}

@notrace function put_format(row: usize, name: usize, number: i32): void {
  const format = <usize>load<u32>(row, DEBUG_ROW_FORMAT);
  const length = load<i32>(row, DEBUG_ROW_FORMAT_LENGTH);
  for (let at = 0; at < length; at++) {
    const char = load<u8>(format + at);
    const verb = char == PERCENT && at + 1 < length ? load<u8>(format + at + 1) : 0;
    if (verb == S) log_zero_ended(name, NAME_MOST);
    else if (verb == D) log_num(number);
    else {
      log_char(char);
      continue;
    }
    at++;
  }
}

/** The line's module as a query names it: of a kernel file its folder, `livepatch` for kernel/livepatch/core.ts. */
@notrace export function owner_name(line: i32, row: usize): usize {
  const module = debug_module(line);
  return changetype<usize>(module) ? module.name : <usize>load<u32>(row, DEBUG_ROW_FILE) + KERNEL;
}
@notrace export function owner_length(line: i32, row: usize): i32 {
  const module = debug_module(line);
  if (changetype<usize>(module)) return module.name_length;
  const from = owner_name(line, row);
  let length = 0;
  while (load<u8>(from + length) != SLASH) length++;
  return length;
}
/** A module has come, or goes: what is noted of its lines is no more. */
@notrace export function forget_debug_lines(number: i32): void {
  memory.fill(DEBUG_FLAGS + DEBUG_KERNEL_LINES + number * DEBUG_MODULE_LINES, 0, DEBUG_MODULE_LINES);
}
