/**
 * A record as a line of text, in the function tracer's columns.
 *
 *   comm-pid [cpu] context seconds.micros: function <-caller
 */
import {
  EVENT_CALLER, EVENT_FLAGS, EVENT_FLAG_HARDIRQ, EVENT_FLAG_IRQS_OFF, EVENT_FLAG_PREEMPT, EVENT_FLAG_RESCHED, EVENT_FLAG_SOFTIRQ, EVENT_FUNCTION, EVENT_KIND,
  EVENT_MARK, EVENT_NAME, EVENT_PROBE, EVENT_TASK, EVENT_TIME,
} from "../records";
import { TASK_NAME_SIZE } from "../layout";
import { put_hex, put_number, put_padded, put_text, put_zero_ended } from "../lib/text";
import { put_hit } from "./event_names";
import { put_function } from "./filter";
import { TRACER_GRAPH } from "./state";

const SPACE: u8 = 32;
const ZERO: u8 = 48;
const COMM_COLUMNS = 16;
const PID_COLUMNS = 7;

export const TRACER_NAMES: StaticArray<string> = ["nop", "function", "function_graph"];

/** The lines above the records; `present` of `written` are still there. */
@notrace export function put_header(at: usize, tracer: i32, present: i64, written: i64, cpus: i32): usize {
  at = put_text(put_text(put_text(at, "# tracer: "), unchecked(TRACER_NAMES[tracer])), "\n#\n");
  if (tracer == TRACER_GRAPH) {
    at = put_text(at, "# CPU  DURATION                  FUNCTION CALLS\n");
    return put_text(at, "# |     |   |                     |   |   |   |\n");
  }
  at = put_number(put_text(at, "# entries-in-buffer/entries-written: "), present);
  at = put_number(put_text(at, "/"), written);
  at = put_text(put_number(put_text(at, "   #P:"), cpus), "\n#\n");
  at = put_text(at, "#                                _-----=> irqs-off/BH-disabled\n");
  at = put_text(at, "#                               / _----=> need-resched\n");
  at = put_text(at, "#                              | / _---=> hardirq/softirq\n");
  at = put_text(at, "#                              || / _--=> preempt-depth\n");
  at = put_text(at, "#                              ||| / _-=> migrate-disable\n");
  at = put_text(at, "#                              |||| /     delay\n");
  at = put_text(at, "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n");
  return put_text(at, "#              | |         |   |||||     |         |\n");
}

/** Who, where, in which context, when. */
@notrace export function put_context(at: usize, event: usize, cpu: i32): usize {
  at = put_right(at, event + EVENT_NAME, COMM_COLUMNS);
  const pid = put_number(put_text(at, "-"), load<i32>(event, EVENT_TASK));
  at = put_spaces(pid, PID_COLUMNS - <i32>(pid - at - 1));
  at = put_text(put_padded(put_text(at, " ["), cpu, 3, ZERO), "] ");
  at = put_flags(at, load<i32>(event, EVENT_FLAGS));
  const micros = <i64>(load<f64>(event, EVENT_TIME) / 1000);
  at = put_padded(put_text(at, " "), micros / 1000000, 5, SPACE);
  return put_text(put_padded(put_text(at, "."), micros % 1000000, 6, ZERO), ": ");
}

/** A call, a hit of a probe, or the beginning of a marker, whose text follows. */
@notrace export function put_event(at: usize, event: usize, cpu: i32): usize {
  at = put_context(at, event, cpu);
  if (load<i32>(event, EVENT_KIND) == EVENT_MARK) return put_text(at, "tracing_mark_write: ");
  if (load<i32>(event, EVENT_KIND) == EVENT_PROBE) return put_hit(at, load<i32>(event, EVENT_CALLER), load<i32>(event, EVENT_FUNCTION));
  at = put_text(put_function(at, load<i32>(event, EVENT_FUNCTION)), " <-");
  return put_text(put_function(at, load<i32>(event, EVENT_CALLER)), "\n");
}

/** Interrupts off, reschedule wanted, in interrupt, preemption off how often, migration off. */
@notrace function put_flags(at: usize, flags: i32): usize {
  at = put_text(at, flags & EVENT_FLAG_IRQS_OFF ? "d" : ".");
  at = put_text(at, flags & EVENT_FLAG_RESCHED ? "N" : ".");
  const hard = (flags & EVENT_FLAG_HARDIRQ) != 0;
  const soft = (flags & EVENT_FLAG_SOFTIRQ) != 0;
  at = put_text(at, hard && soft ? "H" : hard ? "h" : soft ? "s" : ".");
  const depth = flags / EVENT_FLAG_PREEMPT;
  at = depth ? put_hex(at, min(depth, 15)) : put_text(at, ".");
  return put_text(at, ".");
}

/** A task's name, right-aligned. */
@notrace function put_right(at: usize, name: usize, columns: i32): usize {
  let length = 0;
  while (length < TASK_NAME_SIZE && load<u8>(name + length)) length++;
  return put_zero_ended(put_spaces(at, columns - length), name, TASK_NAME_SIZE);
}

@notrace export function put_spaces(at: usize, count: i32): usize {
  for (; count > 0; count--) store<u8>(at++, SPACE);
  return at;
}
