/**
 * Calls and returns as nested lines, in function_graph's columns.
 *
 *    0) + 13.660 us   |    name();            a call in which no traced call was made
 *    0)               |    name() {           one that is entered
 *    0) ! 113.660 us  |    }                  and left
 *
 * A mark in front of a duration says its size: + over 10 µs, ! 100 µs, # 1 ms, * 10 ms, @ 100 ms, $ 1 s.
 */
import { EVENT_CALLED, EVENT_CALLER, EVENT_FUNCTION, EVENT_NAME, EVENT_TASK, EVENT_TIME } from "../records";
import { put_bytes, put_number, put_padded, put_text } from "../lib/text";
import { put_function } from "./filter";
import { put_spaces } from "./print";

const SPACE: u8 = 32;
const ZERO: u8 = 48;
const INDENT = 2;
/** Columns of a duration's digits; of digits and point at most one less. */
const DURATION_COLUMNS = 8;
const DURATION_DIGITS = 7;
const NO_DURATION = 15;
const PROCESS_COLUMNS = 14;
const COMM_COLUMNS = 7;
const RULE = " ------------------------------------------\n";

/** The call's beginning. */
@notrace export function put_entry(at: usize, event: usize, cpu: i32): usize {
  at = put_spaces(put_cpu(at, cpu), NO_DURATION);
  at = put_text(put_indented(put_text(at, "|  "), event), "() {\n");
  return at;
}

/** A call and its end at once. */
@notrace export function put_leaf(at: usize, entry: usize, end: usize, cpu: i32): usize {
  at = put_duration(put_cpu(at, cpu), load<f64>(end, EVENT_TIME) - load<f64>(end, EVENT_CALLED));
  return put_text(put_indented(at, entry), "();\n");
}

/** The call's end; with its name when its beginning was not shown. */
@notrace export function put_return(at: usize, event: usize, cpu: i32, named: bool): usize {
  at = put_duration(put_cpu(at, cpu), load<f64>(event, EVENT_TIME) - load<f64>(event, EVENT_CALLED));
  at = put_text(put_spaces(at, load<i32>(event, EVENT_CALLER) * INDENT), "}");
  if (named) at = put_text(put_function(put_text(at, " /* "), load<i32>(event, EVENT_FUNCTION)), " */");
  return put_text(at, "\n");
}

/** Another task than before goes on, on this CPU; `before` is the last one's record. */
@notrace export function put_task_change(at: usize, before: usize, event: usize, cpu: i32): usize {
  at = put_text(put_cpu(put_text(at, RULE), cpu), " ");
  at = put_text(put_process(at, before), " => ");
  return put_text(put_text(put_text(put_process(at, event), "\n"), RULE), "\n");
}

@notrace function put_cpu(at: usize, cpu: i32): usize {
  return put_text(put_padded(at, cpu, 2, SPACE), ")");
}

@notrace function put_indented(at: usize, event: usize): usize {
  return put_function(put_spaces(at, load<i32>(event, EVENT_CALLER) * INDENT), load<i32>(event, EVENT_FUNCTION));
}

@notrace function put_duration(at: usize, ns: f64): usize {
  at = put_text(put_text(put_text(at, " "), size_mark(ns)), " ");
  const whole = <i64>ns;
  const from = at;
  at = put_number(at, whole / 1000);
  if (<i32>(at - from) < DURATION_DIGITS) {
    // As many places of the fraction as there is room for.
    at = put_padded(put_text(at, "."), whole % 1000, 3, ZERO);
    at = min(at, from + DURATION_DIGITS + 1);
  }
  const columns = <i32>(at - from);
  return put_text(put_spaces(put_text(at, " us "), DURATION_COLUMNS - columns), "|  ");
}

@notrace function size_mark(ns: f64): string {
  if (ns > 1e9) return "$";
  if (ns > 1e8) return "@";
  if (ns > 1e7) return "*";
  if (ns > 1e6) return "#";
  if (ns > 1e5) return "!";
  return ns > 1e4 ? "+" : " ";
}

/** `name-pid` in the middle of its columns. */
@notrace function put_process(at: usize, event: usize): usize {
  let name = 0;
  while (name < COMM_COLUMNS && load<u8>(event + EVENT_NAME + name)) name++;
  const pid = load<i32>(event, EVENT_TASK);
  let digits = 1;
  for (let rest = pid; rest >= 10; rest /= 10) digits++;
  const free = max(PROCESS_COLUMNS - name - 1 - digits, 0);
  at = put_bytes(put_spaces(at, free / 2), event + EVENT_NAME, name);
  return put_spaces(put_number(put_text(at, "-"), pid), free - free / 2);
}
