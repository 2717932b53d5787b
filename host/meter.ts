/**
 * What the CPUs record for benchmarks: a ring per CPU, in memory that the kernel gave (kernel/cpu/meter.ts).
 *
 * Contract: `drain` gives what was recorded since the last time, in order per CPU, and says how many records were
 * overwritten first; who reads often enough loses none. Invariant: the block stays the meter's
 * until the machine ends, because a CPU may be writing at any time.
 */
import {
  METER_KIND_DIRECT,
  METER_KIND_FIRST,
  METER_KIND_GAP,
  METER_KIND_HOOKED,
  METER_KIND_LATER,
  METER_KIND_MOVED,
  METER_KIND_SEEN,
  METER_KIND_STAMP,
} from "../kernel/records.ts";
import {
  MACHINE,
  MACHINE_METER,
  METER_CALLS,
  METER_FIRST,
  METER_FROM,
  METER_HEAD,
  METER_KIND,
  METER_RECORD,
  METER_RECORDS,
  METER_SIZE,
  METER_TO,
  METER_WANTED,
  METER_WHAT,
} from "../kernel/layout.ts";
import type { CallOptions } from "./abort.ts";
import { allocate } from "./block.ts";
import type { Mailbox } from "./mailbox.ts";
import type { SharedMemory } from "./memory.ts";

export interface MeterRecord {
  readonly cpu: number;
  /** METER_KIND_* of kernel/records.ts. */
  readonly kind: number;
  readonly what: number;
  /** ns since boot. */
  readonly fromNs: number;
  readonly toNs: number;
}

/** All but wake-ups, which would soon push everything else out of the ring. */
const USUAL = [
  METER_KIND_GAP,
  METER_KIND_SEEN,
  METER_KIND_MOVED,
  METER_KIND_FIRST,
  METER_KIND_LATER,
  METER_KIND_HOOKED,
  METER_KIND_DIRECT,
  METER_KIND_STAMP,
];

export class Meter {
  readonly #memory: SharedMemory;
  readonly #block: number;
  readonly #heads: number[];
  #lost = 0;

  private constructor(memory: SharedMemory, block: number, cpus: number) {
    this.#memory = memory;
    this.#block = block;
    this.#heads = Array.from({ length: cpus }, () => 0);
  }

  static async open(memory: SharedMemory, mailbox: Mailbox, cpus: number, options: CallOptions): Promise<Meter> {
    const block = await allocate(mailbox, METER_SIZE * cpus, "memory for a meter", options);
    memory.bytes.fill(0, block, block + METER_SIZE * cpus);
    const meter = new Meter(memory, block, cpus);
    meter.want(USUAL);
    memory.store(MACHINE + MACHINE_METER, block);
    return meter;
  }

  /** Records these kinds only, from now on. */
  want(kinds: readonly number[]): void {
    const mask = kinds.reduce((bits, kind) => bits | (1 << kind), 0);
    this.#heads.forEach((_, cpu) => this.#memory.store(this.#block + cpu * METER_SIZE + METER_WANTED, mask));
  }

  /** What was recorded since the last time. */
  drain(): MeterRecord[] {
    const records: MeterRecord[] = [];
    for (let cpu = 0; cpu < this.#heads.length; cpu++) {
      const block = this.#block + cpu * METER_SIZE;
      const head = this.#memory.load(block + METER_HEAD); // pairs with the store in meter_record()
      const seen = this.#heads[cpu] ?? 0;
      const first = Math.max(seen, head - METER_RECORDS + 1); // the oldest may be under the CPU's pen
      this.#lost += first - seen;
      for (let number = first; number < head; number++) records.push(this.#record(cpu, block, number));
      this.#heads[cpu] = head;
    }
    return records;
  }

  /** Records that were overwritten before anybody read them. */
  get lost(): number {
    return this.#lost;
  }

  /** Measured calls so far, by CPU. */
  calls(): number[] {
    return this.#heads.map((_, cpu) => this.#memory.loadDouble(this.#block + cpu * METER_SIZE + METER_CALLS));
  }

  #record(cpu: number, block: number, number: number): MeterRecord {
    const at = block + METER_FIRST + (number & (METER_RECORDS - 1)) * METER_RECORD;
    return {
      cpu,
      kind: this.#memory.load(at + METER_KIND),
      what: this.#memory.load(at + METER_WHAT),
      fromNs: this.#memory.loadDouble(at + METER_FROM),
      toNs: this.#memory.loadDouble(at + METER_TO),
    };
  }
}
