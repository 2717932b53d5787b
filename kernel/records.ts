/**
 * What the kernel writes down about itself for the host to read: the numbers in records of meters and tracers.
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
