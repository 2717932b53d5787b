/**
 * Records of meters, tracers and debug lines, which kernel and host write for each other: their numbers and their places.
 *
 * The rules of layout.ts hold here too.
 */

// ── measuring: what SYS_BENCH does, and what a meter's record says ──────────────────────────────────
export const METER_DO_CALL = 0; // one call; counts it, notes gaps and the first call of another version
export const METER_DO_TIMED = 1; // one call between two looks at the clock; notes the first of another version, and others
export const METER_DO_HOOKED = 2; // `rounds` calls in a loop, through the function's slot
export const METER_DO_DIRECT = 3; // the same of its twin, which has no slot
export const METER_DO_STAMP = 4; // only notes the time; the value says of what
export const METER_KIND_GAP = 1; // TO - FROM without a call on this CPU
export const METER_KIND_SEEN = 2; // at TO, task WHAT had completed its first call of another version
export const METER_KIND_MOVED = 3; // task WHAT moved to the other universe at TO; the transition began at FROM
export const METER_KIND_FIRST = 4; // one call: the first of another version
export const METER_KIND_LATER = 5; // one call: any other
export const METER_KIND_HOOKED = 6; // WHAT calls
export const METER_KIND_DIRECT = 7; // WHAT calls
export const METER_KIND_STAMP = 8; // the program says WHAT
export const METER_KIND_WAKE = 9; // task WHAT was made runnable at FROM and runs from TO on, on this CPU, which was idle

// ── tracing: what a record of the function tracer is about ──────────────────────────────────────────
export const EVENT_CALL = 1; // function tracer: a call
export const EVENT_ENTRY = 2; // function_graph: a call, and
export const EVENT_RETURN = 3; // its end
export const EVENT_MARK = 4; // text that a user wrote: what follows is EVENT_MORE, up to a zero
export const EVENT_MORE = 5;
export const EVENT_PROBE = 6; // a call of a probed function
export const EVENT_FLAG_IRQS_OFF = 1;
export const EVENT_FLAG_RESCHED = 2;
export const EVENT_FLAG_HARDIRQ = 4;
export const EVENT_FLAG_SOFTIRQ = 8;
export const EVENT_FLAG_PREEMPT = 16; // times the depth of disabled preemption

// ── the function tracer's records, in a ring per CPU (trace/ring.ts) ─────────────────────────────
export const EVENT_NUMBER = 0; // the record's number plus one while it is whole; atomic
export const EVENT_KIND = 4; // EVENT_*, above
export const EVENT_FUNCTION = 8; // frame id of its original version
export const EVENT_TASK = 12; // pid
export const EVENT_TIME = 16; // f64 ns
export const EVENT_CALLED = 24; // f64 ns: when the call that returns was made
export const EVENT_CALLER = 32; // frame id, or 0; of function_graph's records: how deep
export const EVENT_FLAGS = 36; // EVENT_FLAG_*, above
export const EVENT_TEXT = 20; // of EVENT_MORE: this and all behind it is text
export const EVENT_NAME = 48; // of the task
export const EVENT_SIZE = 64;

// ── DEBUG_ROW: one row per call of pr_debug(), placed by the host; a text's length follows its address ──
export const DEBUG_ROW_LINE = 0;
export const DEBUG_ROW_FILE = 4;
export const DEBUG_ROW_FILE_LENGTH = 8;
export const DEBUG_ROW_FUNCTION = 12;
export const DEBUG_ROW_FUNCTION_LENGTH = 16;
export const DEBUG_ROW_FORMAT = 20;
export const DEBUG_ROW_FORMAT_LENGTH = 24;
export const DEBUG_ROW_SIZE = 28;
