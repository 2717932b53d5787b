/**
 * Which CPU this is, and where its block lies.
 *
 * A Wasm global exists once per instance, and every CPU has an instance of its own: so a module-level `let` is
 * per-CPU memory, good for these two and wrong for anything shared. The fields of the block are in layout.ts.
 */
import { COUNTER_COUNT, COUNTER_GAP_MAX } from "../abi";
import { HISTOGRAM_BUCKETS, PERCPU, PERCPU_COUNTERS, PERCPU_SIZE } from "../layout";

/** Address of this CPU's block. */
@percpu export let this_cpu: usize = 0;
/** Number of this CPU, from 0. */
@percpu export let cpu_id: i32 = 0;

/** Makes this instance CPU `cpu`. Once, before anything else runs on it. */
@bare export function claim_cpu(cpu: i32): void {
  cpu_id = cpu;
  this_cpu = cpu_block(cpu);
}

@inline export function cpu_block(cpu: i32): usize {
  return <usize>(PERCPU + cpu * PERCPU_SIZE);
}

/** Adds to one of this CPU's counters (COUNTER_*). */
@inline export function count(counter: i32, by: f64 = 1): void {
  const at = this_cpu + PERCPU_COUNTERS + (<usize>counter << 3);
  store<f64>(at, load<f64>(at) + by);
}

/** Raises a maximum counter to `value`. */
@inline export function count_max(counter: i32, value: f64): void {
  const at = this_cpu + PERCPU_COUNTERS + (<usize>counter << 3);
  if (value > load<f64>(at)) store<f64>(at, value);
}

/** Counts `ns` in the log-linear histogram at `offset` of this CPU's block: 8 buckets per octave. */
@notrace export function record_ns(offset: usize, ns: f64): void {
  const value: u64 = ns > 1 ? <u64>ns : 1;
  const octave = 63 - <i32>clz(value);
  const step = octave >= 3 ? <i32>(value >> (octave - 3)) & 7 : <i32>(value << (3 - octave)) & 7;
  const bucket = min(octave * 8 + step, HISTOGRAM_BUCKETS - 1);
  const at = this_cpu + offset + (<usize>bucket << 2);
  store<u32>(at, load<u32>(at) + 1);
}

if (COUNTER_GAP_MAX >= COUNTER_COUNT) ERROR("counters no longer fit");
