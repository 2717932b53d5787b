/**
 * What the kernel asks of the host: one question at a time, each from a task that sleeps until it is answered.
 *
 *   kernel/process/upcall.ts: OP, ARG, bytes, then STATE = REQUEST
 *   here: the handler of OP, its bytes to TO, STATUS, then STATE = DONE and an interrupt
 *
 * Contract: a handler gives a status (a value or -errno) and bytes of at most `room`, or fails: then the answer is -EIO,
 * as it is for one that takes longer than the limit. An operation without a handler is -ENOSYS. Invariant: a handler
 * never writes to the machine's memory itself, so one that comes late changes nothing; it must not use the mailbox,
 * because on the stepped platform the machine stands still meanwhile.
 */
import { EIO, ENOSYS, IRQ_UPCALL, UPCALL_DONE, UPCALL_OP_ECHO, UPCALL_REQUEST } from "../kernel/abi.ts";
import {
  UPCALL,
  UPCALL_ARG,
  UPCALL_FROM,
  UPCALL_LENGTH,
  UPCALL_OP,
  UPCALL_ROOM,
  UPCALL_SERVED,
  UPCALL_STATE,
  UPCALL_STATUS,
  UPCALL_TO,
} from "../kernel/layout.ts";
import type { SharedMemory } from "./memory.ts";
import type { Platform } from "./platform/platform.ts";

export interface Question {
  readonly argument: number;
  /** A copy of what the task sent along. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Most bytes of an answer. */
  readonly room: number;
}

export interface UpcallAnswer {
  /** A value, or -errno. */
  readonly status: number;
  readonly bytes?: Uint8Array;
}

export type UpcallHandler = (question: Question) => UpcallAnswer | Promise<UpcallAnswer>;

const FAILED: UpcallAnswer = { status: -EIO };

export class Upcalls {
  readonly #memory: SharedMemory;
  readonly #platform: Platform;
  readonly #timeoutMs: number;
  readonly #handlers = new Map<number, UpcallHandler>([
    [UPCALL_OP_ECHO, ({ argument, bytes }) => ({ status: bytes.length + argument, bytes })],
  ]);

  constructor(memory: SharedMemory, platform: Platform, timeoutMs: number) {
    this.#memory = memory;
    this.#platform = platform;
    this.#timeoutMs = timeoutMs;
  }

  /** From now on the kernel is answered. */
  start(): void {
    this.#memory.store(UPCALL + UPCALL_SERVED, 1);
    this.#platform.serve(UPCALL + UPCALL_STATE, UPCALL_REQUEST, () => this.#serve());
  }

  handle(op: number, handler: UpcallHandler): void {
    this.#handlers.set(op, handler);
  }

  async #serve(): Promise<void> {
    const memory = this.#memory;
    const word = (offset: number): number => memory.load(UPCALL + offset);
    const room = word(UPCALL_ROOM);
    const from = word(UPCALL_FROM);
    const question = { argument: word(UPCALL_ARG), bytes: memory.bytes.slice(from, from + word(UPCALL_LENGTH)), room };
    const answer = await this.#answer(word(UPCALL_OP), question);
    const fits = (answer.bytes?.length ?? 0) <= room;
    if (answer.bytes && fits) memory.bytes.set(answer.bytes, word(UPCALL_TO));
    memory.store(UPCALL + UPCALL_STATUS, fits ? answer.status : -EIO);
    memory.store(UPCALL + UPCALL_STATE, UPCALL_DONE); // pairs with the load in upcall()
    memory.raiseAnywhere(IRQ_UPCALL);
  }

  async #answer(op: number, question: Question): Promise<UpcallAnswer> {
    const handler = this.#handlers.get(op);
    if (!handler) return { status: -ENOSYS };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<UpcallAnswer>((resolve) => {
      if (this.#platform.realTime) timer = setTimeout(() => resolve(FAILED), this.#timeoutMs);
    });
    try {
      return await Promise.race([Promise.resolve(question).then(handler), late]);
    } catch {
      return FAILED;
    } finally {
      clearTimeout(timer);
    }
  }
}
