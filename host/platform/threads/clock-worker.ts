/**
 * The clock thread: keeps time for CPUs that are too busy to look at it.
 *
 * Contract: wakes once per tick and raises what is due; ends when MACHINE_CLOCK_STOP is set. Invariant: it has no
 * event loop of its own to serve, so it may block for ever.
 */
import { workerData } from "node:worker_threads";
import { MACHINE, MACHINE_CLOCK_STOP, MACHINE_DEVICE_HZ, MACHINE_TICK_NS } from "../../../kernel/layout.ts";
import { Clock } from "../../cpu/clock.ts";
import { SharedMemory } from "../../memory.ts";
import type { ClockBoot } from "./control.ts";
import { clockSince } from "./time.ts";

const { memory: shared, epoch } = workerData as ClockBoot;
const memory = new SharedMemory(shared);
const now = clockSince(epoch);
const clock = new Clock(memory, () => 0);
const tickMs = memory.load(MACHINE + MACHINE_TICK_NS) / 1e6;

/** Until the next tick, or the next device interrupt where those come faster. */
function pause(): number {
  const hz = memory.load(MACHINE + MACHINE_DEVICE_HZ);
  return hz > 0 ? Math.min(tickMs, 1000 / hz) : tickMs;
}

// Partner of the wait: the notify in ThreadsPlatform.shutdown().
while (Atomics.wait(memory.words, (MACHINE + MACHINE_CLOCK_STOP) >> 2, 0, pause()) === "timed-out")
  clock.advance(now());
