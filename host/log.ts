/**
 * The kernel log, drained from its ring.
 *
 * Idea: HEAD counts every byte ever written; the reader remembers how many it has taken. Contract: `drain` gives the
 * lines that came since the last call; when the ring was faster, one line says how much is lost. Invariant: the kernel
 * stores HEAD after the bytes, so bytes below it are whole.
 */
import { LOG, LOG_HEAD, LOG_TEXT, LOG_TEXT_SIZE } from "../kernel/layout.ts";
import type { SharedMemory } from "./memory.ts";

export class LogReader {
  readonly #memory: SharedMemory;
  #taken = 0;

  constructor(memory: SharedMemory) {
    this.#memory = memory;
  }

  drain(): string[] {
    const head = this.#memory.load(LOG + LOG_HEAD) >>> 0; // pairs with the store in log_end()
    const lost = Math.max(0, head - this.#taken - LOG_TEXT_SIZE);
    const text = this.#copy(this.#taken + lost, head);
    this.#taken = head;
    if (text === "") return [];
    const lines = text.slice(0, text.endsWith("\n") ? -1 : undefined).split("\n");
    return lost === 0
      ? lines
      : [`(${lost} bytes of the log were overwritten before they were read)`, ...lines.slice(1)];
  }

  #copy(from: number, to: number): string {
    const bytes = new Uint8Array(to - from);
    for (let i = 0; i < bytes.length; i++)
      bytes[i] = this.#memory.bytes[LOG + LOG_TEXT + ((from + i) % LOG_TEXT_SIZE)] ?? 0;
    return new TextDecoder().decode(bytes);
  }
}
