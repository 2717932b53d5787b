/**
 * The function tracer's files, from outside: what /sys/kernel/tracing holds.
 *
 * Contract: `write` and `append` are `>` and `>>`; `read` gives a file's whole text, of `trace_pipe` what is there now.
 * Invariant: the kernel decides; this only carries bytes.
 */
import { MAIL_OP_TRACE_READ, MAIL_OP_TRACE_WRITE } from "../kernel/abi.ts";
import type { CallOptions } from "./abort.ts";
import { succeeded } from "./errno.ts";
import type { Mailbox } from "./mailbox.ts";
import type { SharedMemory } from "./memory.ts";
import { callTrace } from "./trace-calls.ts";
import type { CallTrace } from "./trace-calls.ts";
import { traceRecords } from "./trace-records.ts";

/** What of a machine tracing needs. */
export interface TracedMachine {
  readonly mailbox: Mailbox;
  readonly memory: SharedMemory;
  readonly cpus: number;
  /** Name of the function that a frame id stands for. */
  readonly nameOf: (id: number) => string;
}

export class Tracing {
  readonly #machine: TracedMachine;

  constructor(machine: TracedMachine) {
    this.#machine = machine;
  }

  /** What the rings hold now, as Chrome trace events. */
  events(): CallTrace {
    const { memory, cpus, nameOf } = this.#machine;
    return callTrace(traceRecords(memory, cpus), nameOf);
  }

  async read(file: string, options: CallOptions = {}): Promise<string> {
    const decoder = new TextDecoder();
    for (let text = "", piece = 0; ; piece = 1) {
      const { status, bytes } = await this.#machine.mailbox.request(MAIL_OP_TRACE_READ, file, piece, options);
      if (succeeded(status, `read ${file}`) === 0) return text + decoder.decode();
      text += decoder.decode(bytes, { stream: true });
    }
  }

  async write(file: string, text: string, options: CallOptions = {}): Promise<void> {
    await this.#write(file, text, 0, options);
  }

  async append(file: string, text: string, options: CallOptions = {}): Promise<void> {
    await this.#write(file, text, 1, options);
  }

  async #write(file: string, text: string, appends: number, options: CallOptions): Promise<void> {
    const { status } = await this.#machine.mailbox.request(MAIL_OP_TRACE_WRITE, `${file}\0${text}`, appends, options);
    succeeded(status, `write ${file}`);
  }
}
