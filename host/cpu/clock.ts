/**
 * The machine's clock and its one device: what raises ticks and device interrupts.
 *
 * Idea: the owner of time (the clock thread, or the stepped driver) says what time it is; the clock raises what is due.
 * Contract: a tick for each CPU that is awake; MACHINE_DEVICE_HZ device interrupts a second, on the CPUs in turn.
 * A late clock merges ticks, and catches up on at most CATCH_UP device interrupts. Invariant: TICK_SENT is written
 * only while PENDING_TICK is clear, so it belongs to the tick that the CPU will see.
 */
import { IRQ_PULSE, PENDING_TICK } from "../../kernel/abi.ts";
import {
  MACHINE,
  MACHINE_CPUS,
  MACHINE_DEVICE_HZ,
  MACHINE_TICK_NS,
  PERCPU_DEAF_TOLD,
  PERCPU_ONLINE,
  PERCPU_PENDING,
  PERCPU_SLEEPING,
  PERCPU_TICK_SENT,
  SYSCTL_WATCHDOG_SECOND,
  SYSCTL_WATCHDOG_THRESH,
  SYSCTLS,
} from "../../kernel/layout.ts";
import { cpuBlock } from "../memory.ts";
import type { SharedMemory } from "../memory.ts";

const SECOND_NS = 1e9;
const CATCH_UP = 64;

export class Clock {
  readonly #memory: SharedMemory;
  readonly #cpus: number;
  readonly #tickNs: number;
  /** Nanoseconds that an event may come later than its period says; the stepped platform draws them. */
  readonly #jitter: (periodNs: number) => number;
  #nextTick = 0;
  #nextDevice = Infinity;
  #deviceCpu = 0;

  constructor(memory: SharedMemory, jitter: (periodNs: number) => number) {
    this.#memory = memory;
    this.#cpus = memory.load(MACHINE + MACHINE_CPUS);
    this.#tickNs = memory.load(MACHINE + MACHINE_TICK_NS);
    this.#jitter = jitter;
  }

  /** When the device calls next, if it does. */
  get nextDevice(): number {
    return this.#nextDevice;
  }

  get next(): number {
    return Math.min(this.#nextTick, this.#nextDevice);
  }

  /** Raises what is due at `now`. */
  advance(now: number): void {
    if (now >= this.#nextTick) {
      for (let cpu = 0; cpu < this.#cpus; cpu++) this.#tick(cpu, now);
      this.#nextTick = now + this.#tickNs + this.#jitter(this.#tickNs);
    }
    this.watchDevice(now);
    for (let raised = 0; this.#nextDevice <= now; raised++) {
      if (raised === CATCH_UP) {
        this.#nextDevice = now + this.#devicePeriod();
        break;
      }
      this.#raiseDevice();
      const period = this.#devicePeriod();
      this.#nextDevice += period + this.#jitter(period);
    }
  }

  /** Follows MACHINE_DEVICE_HZ, which the workload may change at any time. */
  watchDevice(now: number): void {
    const period = this.#devicePeriod();
    if (period === Infinity) this.#nextDevice = Infinity;
    else if (this.#nextDevice > now + 2 * period) this.#nextDevice = now + period;
  }

  #devicePeriod(): number {
    return SECOND_NS / this.#memory.load(MACHINE + MACHINE_DEVICE_HZ);
  }

  #tick(cpu: number, now: number): void {
    const memory = this.#memory;
    const block = cpuBlock(cpu);
    if (!memory.load(block + PERCPU_ONLINE) || memory.load(block + PERCPU_SLEEPING)) return;
    if (memory.load(block + PERCPU_PENDING) & PENDING_TICK) {
      this.#watch(cpu, now);
      return;
    }
    memory.storeDouble(block + PERCPU_TICK_SENT, now);
    memory.or(block + PERCPU_PENDING, PENDING_TICK); // no notify: a CPU that is awake looks, one that sleeps has a timer
  }

  /** A tick that is not taken for too long: whoever the kernel has look at that CPU may be asleep (kernel/cpu/watchdog.ts). */
  #watch(cpu: number, now: number): void {
    const memory = this.#memory;
    const sent = memory.loadDouble(cpuBlock(cpu) + PERCPU_TICK_SENT);
    const limit = memory.load(SYSCTLS + SYSCTL_WATCHDOG_THRESH) * memory.loadDouble(SYSCTLS + SYSCTL_WATCHDOG_SECOND);
    if (limit === 0 || sent === 0 || now - sent < limit || sent === memory.loadDouble(cpuBlock(cpu) + PERCPU_DEAF_TOLD))
      return;
    let watcher = cpu;
    do watcher = (watcher + this.#cpus - 1) % this.#cpus;
    while (watcher !== cpu && !memory.load(cpuBlock(watcher) + PERCPU_ONLINE));
    const block = cpuBlock(watcher);
    if (watcher === cpu || memory.load(block + PERCPU_PENDING) & PENDING_TICK) return;
    memory.storeDouble(block + PERCPU_TICK_SENT, now);
    memory.interrupt(watcher, PENDING_TICK);
  }

  #raiseDevice(): void {
    this.#memory.raiseLine(this.#deviceCpu, IRQ_PULSE);
    this.#deviceCpu = (this.#deviceCpu + 1) % this.#cpus;
  }
}
