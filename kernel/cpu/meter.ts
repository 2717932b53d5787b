/**
 * What a CPU did when, for benchmarks: a ring of records per CPU, in memory that the host lends.
 *
 * Only the CPU itself writes to its meter, in process context and never across a safepoint. Without a meter
 * (MACHINE_METER is 0, as on every machine that nobody measures) nothing is recorded.
 */
import { MACHINE, MACHINE_METER, METER_FIRST, METER_FROM, METER_HEAD, METER_KIND, METER_RECORD, METER_RECORDS, METER_SIZE, METER_TO, METER_WANTED, METER_WHAT } from "../layout";
import { cpu_id } from "./percpu";

/** This CPU's meter, or 0. */
@inline export function meter(): usize {
  const base = <usize>load<u32>(MACHINE, MACHINE_METER);
  return base ? base + <usize>(cpu_id * METER_SIZE) : 0;
}

/** One record, if the host wants its `kind`, METER_KIND_*. Older ones are overwritten when the host does not keep up. */
@notrace export function meter_record(kind: i32, what: i32, from: f64, to: f64): void {
  const block = meter();
  if (!block || !((load<i32>(block, METER_WANTED) >> kind) & 1)) return;
  const head = load<i32>(block, METER_HEAD);
  const at = block + METER_FIRST + <usize>((head & (METER_RECORDS - 1)) * METER_RECORD);
  store<i32>(at, kind, METER_KIND);
  store<i32>(at, what, METER_WHAT);
  store<f64>(at, from, METER_FROM);
  store<f64>(at, to, METER_TO);
  atomic.store<i32>(block, head + 1, METER_HEAD); // release; pairs with the load in host/meter.ts
}
