/**
 * What is measured: name and unit of every metric.
 *
 * Contract: docs/metrics.md has a line for each, with the two events that it lies between; a test compares them. Adding
 * a metric is a row here and a line there. Invariant: times are ns wherever they are stored; only text scales them.
 */
export type Unit = "ns" | "ratio" | "per second" | "share" | "bytes";

export const METRICS = {
  "stamp.cost": { unit: "ns" },

  "call.direct": { unit: "ns" },
  "call.hooked": { unit: "ns" },
  "call.slow_stub": { unit: "ns" },
  "call.patched": { unit: "ns" },
  "call.traced": { unit: "ns" },
  "call.hooked_of_direct": { unit: "ratio" },
  "call.slow_stub_of_hooked": { unit: "ratio" },
  "call.patched_of_hooked": { unit: "ratio" },
  "call.traced_of_hooked": { unit: "ratio" },
  "call.first": { unit: "ns" },
  "call.later": { unit: "ns" },
  "mixed.unhooked": { unit: "ns" },
  "mixed.hooked": { unit: "ns" },
  "mixed.hooked_of_unhooked": { unit: "ratio" },

  "syscall.cost": { unit: "ns" },
  "syscall.of_plain": { unit: "ratio" },
  "task.switch": { unit: "ns" },
  "pipe.round_trip": { unit: "ns" },
  "wake.idle": { unit: "ns" },
  "task.spawn": { unit: "ns" },
  "task.memory": { unit: "bytes" },

  "stop.commit": { unit: "ns" },
  "stop.stopped": { unit: "ns" },
  "stop.standstill": { unit: "ns" },
  "stop.blackout": { unit: "ns" },
  "stop.request": { unit: "ns" },
  "stop.check": { unit: "ns" },
  "stop.check_growth": { unit: "ratio" },
  "floor.stop.commit": { unit: "ns" },
  "floor.stop.stopped": { unit: "ns" },
  "floor.stop.standstill": { unit: "ns" },
  "floor.stop.blackout": { unit: "ns" },
  "stop.commit_of_floor": { unit: "ratio" },
  "stop.standstill_of_floor": { unit: "ratio" },
  "barrier.commit": { unit: "ns" },
  "stop.commit_of_barrier": { unit: "ratio" },
  "barrier.standstill": { unit: "ns" },
  "barrier.round": { unit: "ns" },
  "stop.standstill_of_barrier": { unit: "ratio" },

  "graft.over": { unit: "ns" },
  "graft.stubs": { unit: "ns" },
  "graft.task": { unit: "ns" },
  "graft.done": { unit: "ns" },
  "graft.request": { unit: "ns" },
  "graft.gap": { unit: "ns" },
  "graft.gap_sham": { unit: "ns" },
  "graft.gap_of_sham": { unit: "ratio" },
  "floor.store.commit": { unit: "ns" },
  "floor.store.seen": { unit: "ns" },
  "graft.over_of_floor": { unit: "ratio" },

  "scale.mixed": { unit: "per second" },
  "scale.mixed_of_two": { unit: "ratio" },
  "scale.calls": { unit: "per second" },
  switch: { unit: "ns" },
  commit: { unit: "ns" },
  pause: { unit: "ns" },
  "pause.sham": { unit: "ns" },
  "world pause": { unit: "ns" },
  "world pause.sham": { unit: "ns" },
  dip: { unit: "share" },
  "lost per switch": { unit: "ns" },

  "boot.ready": { unit: "ns" },
  "boot.shell": { unit: "ns" },
  "exec.true": { unit: "ns" },
  "patch.enabled": { unit: "ns" },
  "build.cold": { unit: "ns" },
  "build.patch": { unit: "ns" },
} as const;

export type MetricName = keyof typeof METRICS;
