/**
 * What trace stubs ask about probes.
 *
 * A handler runs with interrupts off, inside a stub, where no stack can be saved: it neither sleeps nor waits for anybody.
 * What it calls itself it is not told of; that is counted as missed.
 */
import { clock_ns } from "../cpu/clock";
import { irq_disable, irq_enable } from "../cpu/irq";
import { this_cpu } from "../cpu/percpu";
import { MAX_PROBES, PERCPU_IN_PROBE } from "../layout";
import { original_index } from "../livepatch/func_stack";
import { EVENT_PROBE } from "../records";
import { PROBE_EVENT, PROBE_HANDLER, PROBE_REDIRECTS, Probe, probe_at } from "./probe";
import { ring_write } from "./ring";
import { Tracing, function_of, tracing } from "./state";

/** A function with probes is called. */
@notrace @atomic export function probe_hit(slot: i32): void {
  irq_disable();
  const inside = load<i32>(this_cpu, PERCPU_IN_PROBE);
  for (let number = 0; number < MAX_PROBES; number++) {
    const probe = probe_at(number);
    if (probe.slot != slot || !probe.armed) continue;
    if (inside) {
      atomic.add<u32>(changetype<usize>(probe), 1, offsetof<Probe>("missed"));
      continue;
    }
    atomic.add<u32>(changetype<usize>(probe), 1, offsetof<Probe>("hits"));
    if (probe.kind == PROBE_HANDLER) {
      store<i32>(this_cpu, 1, PERCPU_IN_PROBE);
      call_indirect<void>(probe.index, number);
      store<i32>(this_cpu, 0, PERCPU_IN_PROBE);
    } else if (probe.kind == PROBE_EVENT && atomic.load<i32>(changetype<usize>(tracing()), offsetof<Tracing>("on"))) {
      ring_write(EVENT_PROBE, function_of(slot), probe.index, clock_ns(), 0);
    }
  }
  irq_enable();
}

/** Table index of what stands in for the function of `slot`, or 0 when the probe that says so has just gone. */
@notrace export function redirected_index(slot: i32): i32 {
  for (let number = 0; number < MAX_PROBES; number++) {
    const probe = probe_at(number);
    if (probe.slot == slot && probe.kind == PROBE_REDIRECTS && probe.armed) return original_index(probe.index);
  }
  return 0;
}
