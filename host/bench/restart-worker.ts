/**
 * A worker that calls a small function for ever, until it is terminated (restart.ts).
 *
 * It looks at the clock every 256 calls, as the kernel's callers do, and notes what is longer than 50 µs.
 */
import { workerData } from "node:worker_threads";
import { clockSince } from "../platform/threads/time.ts";
import { CALLS, FIRST_GAP, GAPS, LOOKED_AT, MOST_GAPS, NOTES_BYTES, RESULT, SEEN_AT } from "./restart.ts";
import type { RestartBoot } from "./restart.ts";

const LOOK_CALLS = 256;
const GAP_NS = 50_000;

const { notes: buffer, memory, module, worker, version, epoch } = workerData as RestartBoot;
const notes = new Float64Array(buffer, worker * NOTES_BYTES, NOTES_BYTES / 8);
const now = clockSince(epoch);
void new WebAssembly.Instance(module, {
  env: { memory, clock_ns: now, step: () => 0, trace_caller: () => 0, backtrace: () => 0 },
});

const step = (value: number): number => ((Math.imul(value, 1_664_525) + 1_013_904_223) & 0x7fff_fffe) | version;

let value = step(0);
const first = now();
notes[SEEN_AT] = first;
look(first);
for (;;) {
  for (let call = 0; call < LOOK_CALLS; call++) value = step(value);
  notes[CALLS] = (notes[CALLS] ?? 0) + LOOK_CALLS;
  notes[RESULT] = value; // used, so that calls stay calls
  look(now());
}

function look(at: number): void {
  const before = notes[LOOKED_AT] ?? 0;
  notes[LOOKED_AT] = at;
  if (before === 0 || at - before <= GAP_NS) return;
  const gaps = notes[GAPS] ?? 0;
  const place = FIRST_GAP + (gaps % MOST_GAPS) * 2;
  notes[place] = before;
  notes[place + 1] = at;
  notes[GAPS] = gaps + 1;
}
