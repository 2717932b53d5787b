/**
 * The machine's log as far as it is kept, and the events that its lines stand for.
 *
 * Contract: `drain` is called often enough that the ring loses nothing; `lines` has the last KEPT_LINES. Invariant:
 * every line is kept before its events are told.
 */
import { MACHINE, MACHINE_PANIC_CPU } from "../kernel/layout.ts";
import { MachineError } from "./errors.ts";
import { eventsOf } from "./events.ts";
import type { EventSource } from "./events.ts";
import { LogReader } from "./log.ts";
import type { SharedMemory } from "./memory.ts";

const KEPT_LINES = 10_000;
/** Log lines that a panic shows: the last ones, or all from the one on that begins the report. */
const PANIC_LINES = 12;
const REPORT_LINES = 64;
const BEGINNINGS = [/\] (Oops|watchdog: BUG): /, /\] Kernel panic - /];

export class KeptLog {
  readonly #memory: SharedMemory;
  readonly #reader: LogReader;
  readonly #events: EventSource;
  readonly #lines: string[] = [];

  constructor(memory: SharedMemory, events: EventSource) {
    this.#memory = memory;
    this.#reader = new LogReader(memory);
    this.#events = events;
  }

  drain(): void {
    for (const line of this.#reader.drain()) {
      this.#lines.push(line);
      for (const event of eventsOf(line)) this.#events.emit(event);
    }
    if (this.#lines.length > KEPT_LINES) this.#lines.splice(0, this.#lines.length - KEPT_LINES);
  }

  lines(): string[] {
    this.drain();
    return [...this.#lines];
  }

  /** The error for a machine whose state is PANIC. */
  panicError(): MachineError {
    const cpu = this.#memory.load(MACHINE + MACHINE_PANIC_CPU) - 1;
    const last = this.lines().slice(-REPORT_LINES);
    const begins = BEGINNINGS.map((beginning) => last.findLastIndex((line) => beginning.test(line))).find(
      (at) => at >= 0,
    );
    const lines = last
      .slice(Math.min(begins ?? Infinity, Math.max(0, last.length - PANIC_LINES)))
      .map((line) => `  ${line}`);
    return new MachineError(
      "KERNEL_PANIC",
      [`the kernel panicked on CPU ${cpu}`, ...lines].join("\n"),
      "The machine is lost: shut it down. The last lines above say why.",
    );
  }
}
