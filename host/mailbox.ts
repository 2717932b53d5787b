/**
 * Requests to the kernel's hostd, one at a time.
 *
 *   host: bytes, ARG, LENGTH, OP, then STATE = REQUEST, interrupts to CPUs that are awake
 *   hostd: does it, STATUS, then STATE = DONE
 *   host: takes the answer, STATE = EMPTY
 *
 * Contract: `request` gives hostd's status, which may be -errno, and the mailbox's first bytes. A caller that gives
 * up leaves its request behind; the next one waits for it. In real time a request that is not answered within the
 * limit is REQUEST_TIMEOUT, and so is every further one until hostd has answered it after all. Invariant: STATE is
 * EMPTY whenever a request begins.
 */
import * as abi from "../kernel/abi.ts";
import { MAIL_DONE, MAIL_EMPTY, MAIL_REQUEST, IRQ_MAILBOX } from "../kernel/abi.ts";
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
  readonly #timeoutMs: number;
  #last: Promise<unknown> = Promise.resolve();
  /** The operation that hostd still owes an answer to, after its caller was told so. */
  #overdue: number | undefined;

  constructor(memory: SharedMemory, platform: Platform, timeoutMs: number) {
    this.#memory = memory;
    this.#platform = platform;
    this.#timeoutMs = timeoutMs;
  }

  /** `late` is given the answer that came after the caller gave up: what it had asked for is there all the same. */
  async request(
    op: number,
    body: string | Uint8Array,
    argument: number,
    { signal }: CallOptions,
    late?: (answer: Answer) => Promise<void>,
  ): Promise<Answer> {
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
    try {
      return await abortable(turn, signal);
    } catch (error) {
      if (late) void turn.then(late).catch(() => undefined); // what failed, or never began, leaves nothing
      throw error;
    }
  }

  async #exchange(op: number, bytes: Uint8Array, argument: number): Promise<Answer> {
    const memory = this.#memory;
    this.#refuseOverdue();
    memory.bytes.set(bytes, MAILBOX);
    memory.store(MACHINE + MACHINE_MAIL_ARG, argument);
    memory.store(MACHINE + MACHINE_MAIL_LENGTH, bytes.length);
    memory.store(MACHINE + MACHINE_MAIL_OP, op);
    memory.store(MACHINE + MACHINE_MAIL_STATE, MAIL_REQUEST); // pairs with requested() in kernel/process/hostd.ts
    const answered = this.#answered(op); // nothing is left to do here but to sleep, when a CPU begins
    memory.raiseAnywhere(IRQ_MAILBOX);
    await answered;
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

  /** Virtual time needs no limit: a stepped machine says by itself when nothing can happen any more. */
  async #answered(op: number): Promise<void> {
    const limit = new AbortController();
    const timer = this.#platform.realTime ? setTimeout(() => limit.abort(), this.#timeoutMs) : undefined;
    try {
      await this.#platform.change(MACHINE + MACHINE_MAIL_STATE, MAIL_REQUEST, limit.signal);
    } catch (error) {
      if (!limit.signal.aborted) throw error;
      this.#overdue = op;
      throw this.#timeoutError(op);
    } finally {
      clearTimeout(timer);
    }
  }

  #refuseOverdue(): void {
    if (this.#overdue === undefined) return;
    if (this.#memory.load(MACHINE + MACHINE_MAIL_STATE) === MAIL_REQUEST) throw this.#timeoutError(this.#overdue);
    this.#overdue = undefined; // its answer came late, and nobody waits for it
  }

  #timeoutError(op: number): MachineError {
    return new MachineError(
      "REQUEST_TIMEOUT",
      `the kernel has not answered ${nameOf(op)} within ${this.#timeoutMs} ms`,
      "Look at machine.cpuState() for what its CPUs do; on a loaded computer, raise requestTimeoutMs.",
    );
  }
}

/** As in kernel/abi.ts. */
function nameOf(op: number): string {
  return (
    Object.entries(abi).find(([name, value]) => name.startsWith("MAIL_OP_") && value === op)?.[0] ?? `request ${op}`
  );
}
