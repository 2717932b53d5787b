/**
 * The system call of benchmarks: calls of one small function that exists to be patched, measured where they happen.
 *
 * A version of bench_step() says in the low bit of its result which one it is: 0 here, 1 in patches/bench-step. So each
 * caller sees its own first call of another version. Without a meter (cpu/meter.ts) calls are made and nothing is noted.
 */
import { EINVAL } from "../abi";
import {
  METER_DO_CALL, METER_DO_DIRECT, METER_DO_HOOKED, METER_DO_STAMP, METER_DO_TIMED, METER_KIND_DIRECT, METER_KIND_FIRST, METER_KIND_GAP,
  METER_KIND_HOOKED, METER_KIND_LATER, METER_KIND_SEEN, METER_KIND_STAMP,
} from "../records";
import { clock_ns } from "../cpu/clock";
import { meter, meter_record } from "../cpu/meter";
import { METER_CALLS, METER_LOOKED_AT } from "../layout";
import { current } from "../sched/task";

/** Calls between two looks at the clock; a power of two. */
const LOOK_CALLS = 256;
/** What is longer than this between two looks is a gap. */
const GAP_NS: f64 = 50000;
/** Of the timed calls that are no first ones, one in so many is noted; a power of two. */
const LATER_CALLS = 64;

/** A loop in the kernel lets nobody else run: longer ones are refused. */
const MOST_ROUNDS = 1 << 20;

/** (METER_DO_*, value, rounds) → value */
export function sys_bench(what: i32, value: i32, rounds: i32): i32 {
  if ((what == METER_DO_HOOKED || what == METER_DO_DIRECT) && <u32>rounds > <u32>MOST_ROUNDS) return -EINVAL;
  if (what == METER_DO_CALL) return counted_call(value);
  if (what == METER_DO_TIMED) return timed_call(value);
  if (what == METER_DO_HOOKED) return hooked_calls(value, rounds);
  if (what == METER_DO_DIRECT) return direct_calls(value, rounds);
  if (what != METER_DO_STAMP) return -EINVAL;
  const now = clock_ns();
  meter_record(METER_KIND_STAMP, value, now, now);
  return value;
}

/** The function to patch. */
export function bench_step(value: i32): i32 {
  return (value * 1664525 + 1013904223) & 0x7ffffffe;
}

/** Its twin, which is called directly in every image; other numbers, so that no optimiser makes one function of both. */
@notrace function bench_step_direct(value: i32): i32 {
  return (value * 22695477 + 1013904229) & 0x7ffffffe;
}

@notrace function counted_call(value: i32): i32 {
  const result = bench_step(value);
  const block = meter();
  if (!block) return result;
  if ((result ^ value) & 1) meter_record(METER_KIND_SEEN, current().pid, 0, clock_ns());
  const calls = load<f64>(block, METER_CALLS) + 1;
  store<f64>(block, calls, METER_CALLS);
  if (<i32>calls & (LOOK_CALLS - 1)) return result;
  const now = clock_ns();
  const before = load<f64>(block, METER_LOOKED_AT);
  store<f64>(block, now, METER_LOOKED_AT);
  if (now - before > GAP_NS && before > 0) meter_record(METER_KIND_GAP, current().pid, before, now);
  return result;
}

@notrace function timed_call(value: i32): i32 {
  const from = clock_ns();
  const result = bench_step(value);
  const to = clock_ns();
  const block = meter();
  if (!block) return result;
  const calls = load<f64>(block, METER_CALLS) + 1;
  store<f64>(block, calls, METER_CALLS);
  if ((result ^ value) & 1) meter_record(METER_KIND_FIRST, current().pid, from, to);
  else if (!(<i32>calls & (LATER_CALLS - 1))) meter_record(METER_KIND_LATER, current().pid, from, to);
  return result;
}

@notrace function hooked_calls(value: i32, rounds: i32): i32 {
  const from = clock_ns();
  for (let i = 0; i < rounds; i++) value = bench_step(value);
  meter_record(METER_KIND_HOOKED, rounds, from, clock_ns());
  return value;
}

@notrace function direct_calls(value: i32, rounds: i32): i32 {
  value = bench_step_direct(value); // called from two places, so that it stays a function
  const from = clock_ns();
  for (let i = 0; i < rounds; i++) value = bench_step_direct(value);
  meter_record(METER_KIND_DIRECT, rounds, from, clock_ns());
  return value;
}
