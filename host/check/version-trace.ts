/**
 * The machine's record of which version of a watched function was called, by whom, in which trip.
 *
 * Idea: debug images keep a ring of calls and returns (kernel/livepatch/version_trace.ts); this reads it and puts names to it.
 * Contract: `watch` begins, `read` takes what was recorded since it was last asked, `stop` ends and gives the memory
 * back. A record that was not complete, or found the ring full, counts as lost; none is ever half right. Read before a
 * patch is unloaded: its number is given to the next. Invariant: an unwatched machine records nothing.
 */
import { MAIL_OP_KLP_TRACE } from "../../kernel/abi.ts";
import {
  KLP_WATCH,
  KLP_WATCH_SIZE,
  TRACE_CPU,
  TRACE_ID,
  TRACE_MARKED,
  TRACE_NUMBER,
  TRACE_READ,
  TRACE_RECORD,
  TRACE_RECORDS,
  TRACE_SLOT,
  TRACE_TAKEN,
  TRACE_TASK,
  TRACE_TRIP,
} from "../../kernel/layout.ts";
import type { CallOptions } from "../abort.ts";
import { succeeded } from "../errno.ts";
import type { Mailbox } from "../mailbox.ts";
import type { SharedMemory } from "../memory.ts";
import type { CallRecord, TracedCalls } from "./oracle.ts";

/** Which function, of which version, a frame id stands for. */
export type NameOf = (id: number) => { readonly name: string; readonly version: string };

export class VersionTrace {
  readonly #memory: SharedMemory;
  readonly #mailbox: Mailbox;
  readonly #nameOf: NameOf;
  /** Address of the ring; 0 while nobody is watched. */
  #ring = 0;

  constructor(memory: SharedMemory, mailbox: Mailbox, nameOf: NameOf) {
    this.#memory = memory;
    this.#mailbox = mailbox;
    this.#nameOf = nameOf;
  }

  /** Watches the functions of these slots, and those that only patches have, beside those watched already. */
  async watch(slots: readonly number[], options: CallOptions): Promise<void> {
    if (this.#ring === 0) {
      const { status } = await this.#mailbox.request(MAIL_OP_KLP_TRACE, "", 1, options, () => this.stop({}));
      this.#ring = succeeded(status, "memory for the version trace");
    }
    for (const slot of [0, ...slots]) this.#memory.bytes[KLP_WATCH + slot] = 1;
  }

  read(): TracedCalls {
    const memory = this.#memory;
    const ring = this.#ring;
    if (ring === 0) return { records: [], calls: [], lost: 0 };
    const records: CallRecord[] = [];
    const from = memory.load(ring + TRACE_READ);
    const taken = memory.load(ring + TRACE_TAKEN);
    for (let number = from; number < Math.min(taken, from + TRACE_RECORDS); number++) {
      const at = ring + ((number % TRACE_RECORDS) + 1) * TRACE_RECORD;
      // Partner: the last store of klp_trace_call().
      if (memory.load(at + TRACE_NUMBER) === number + 1) records.push(this.#record(at));
    }
    memory.store(ring + TRACE_READ, taken);
    return { records, calls: records.filter(({ ends }) => !ends), lost: taken - from - records.length };
  }

  async stop(options: CallOptions): Promise<void> {
    this.#memory.bytes.fill(0, KLP_WATCH, KLP_WATCH + KLP_WATCH_SIZE);
    succeeded((await this.#mailbox.request(MAIL_OP_KLP_TRACE, "", 0, options)).status, "the version trace's end");
    this.#ring = 0;
  }

  #record(at: number): CallRecord {
    const word = (offset: number): number => this.#memory.load(at + offset);
    const task = word(TRACE_TASK);
    const id = word(TRACE_ID);
    return {
      number: word(TRACE_NUMBER) - 1,
      context: task < 0 ? "interrupt" : task === 0 ? "idle task" : "task",
      task: task > 0 ? task : word(TRACE_CPU),
      trip: word(TRACE_TRIP),
      slot: word(TRACE_SLOT),
      cpu: word(TRACE_CPU),
      marked: word(TRACE_MARKED) !== 0,
      ends: id < 0,
      ...this.#nameOf(id < 0 ? ~id : id),
    };
  }
}
