/**
 * Requests to the kernel's hostd, one at a time.
 *
 *   host: bytes, ARG, LENGTH, OP, then STATE = REQUEST, interrupt to CPU 0
 *   hostd: does it, STATUS, then STATE = DONE
 *   host: takes the answer, STATE = EMPTY
 *
 * Contract: `request` gives hostd's status, which may be -errno, and the mailbox's first bytes. A caller that gives
 * up leaves its request behind; the next one waits for it. Invariant: STATE is EMPTY whenever a request begins.
 */
import { MAIL_DONE, MAIL_EMPTY, MAIL_REQUEST, PENDING_CALL } from "../kernel/abi.ts";
import {
  MACHINE,
  MACHINE_MAIL_ARG,
  MACHINE_MAIL_LENGTH,
  MACHINE_MAIL_OP,
  MACHINE_MAIL_STATE,
  MACHINE_MAIL_STATUS,
  MAILBOX,
  MAILBOX_SIZE,
} from "../kernel/layout.ts";
import { abortable, refuseAborted } from "./abort.ts";
import type { CallOptions } from "./abort.ts";
import { MachineError } from "./errors.ts";
import type { SharedMemory } from "./memory.ts";
import type { Platform } from "./platform/platform.ts";

export interface Answer {
  readonly status: number;
  /** `status` bytes when it counts bytes; else what the operation left. */
  readonly bytes: Uint8Array;
}

export class Mailbox {
  readonly #memory: SharedMemory;
  readonly #platform: Platform;
  #last: Promise<unknown> = Promise.resolve();

  constructor(memory: SharedMemory, platform: Platform) {
    this.#memory = memory;
    this.#platform = platform;
  }

  async request(op: number, body: string | Uint8Array, argument: number, { signal }: CallOptions): Promise<Answer> {
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    if (bytes.length > MAILBOX_SIZE) {
      throw new MachineError(
        "REQUEST_TOO_LONG",
        `a request of ${bytes.length} bytes`,
        `A name or path has ${MAILBOX_SIZE} bytes at most.`,
      );
    }
    const turn = this.#last.then(() => {
      refuseAborted(signal);
      return this.#exchange(op, bytes, argument);
    });
    this.#last = turn.catch(() => undefined);
    return abortable(turn, signal);
  }

  async #exchange(op: number, bytes: Uint8Array, argument: number): Promise<Answer> {
    const memory = this.#memory;
    memory.bytes.set(bytes, MAILBOX);
    memory.store(MACHINE + MACHINE_MAIL_ARG, argument);
    memory.store(MACHINE + MACHINE_MAIL_LENGTH, bytes.length);
    memory.store(MACHINE + MACHINE_MAIL_OP, op);
    memory.store(MACHINE + MACHINE_MAIL_STATE, MAIL_REQUEST); // pairs with requested() in kernel/process/hostd.ts
    memory.interrupt(0, PENDING_CALL);
    await this.#platform.change(MACHINE + MACHINE_MAIL_STATE, MAIL_REQUEST);
    if (memory.load(MACHINE + MACHINE_MAIL_STATE) !== MAIL_DONE) {
      throw new MachineError(
        "CALL_FAILED",
        "the mailbox changed hands in the middle of a request",
        "This is a fault of kernel or host: report it with the log.",
      );
    }
    const status = memory.load(MACHINE + MACHINE_MAIL_STATUS);
    const answer = {
      status,
      bytes: memory.bytes.slice(MAILBOX, MAILBOX + Math.min(Math.max(status, 0), MAILBOX_SIZE)),
    };
    memory.store(MACHINE + MACHINE_MAIL_STATE, MAIL_EMPTY);
    return answer;
  }
}
