/**
 * What happens in a machine, as it happens.
 *
 * Idea: one source, any number of readers, each with a queue of its own. Contract: a reader sees everything from the
 * moment it asked until the machine ends; it may be slow, it may leave. Invariant: a fault is also a log line, and
 * comes right behind it.
 */
import type { MachineError } from "./errors.ts";

export type MachineEvent =
  | { readonly kind: "log"; readonly line: string }
  /** A user program's fault, which ended it. */
  | { readonly kind: "fault"; readonly task: string; readonly pid: number; readonly message: string }
  /** A fault in kernel code, the machine's `number`th; the log lines behind it say whose, where and what came of it. */
  | { readonly kind: "oops"; readonly message: string; readonly number: number }
  /** A live patch begins to go in or out, has, or was refused. */
  | { readonly kind: "transition"; readonly patch: string; readonly state: TransitionState }
  | { readonly kind: "panic"; readonly error: MachineError };

export type TransitionState = "enabling" | "enabled" | "disabling" | "disabled" | "refused";

const TRANSITION = /\] (?:kpatch|kgr|no model): (.*) '([^']*)'$/;
/** By the words of the log. */
const STATES: ReadonlyMap<string, TransitionState> = new Map([
  ["patching in progress", "enabling"],
  ["succeeded", "enabled"],
  ["enabled patch module", "enabled"],
  ["swapped in", "enabled"],
  ["reverting in progress", "disabling"],
  ["reverted", "disabled"],
  ["disabled patch module", "disabled"],
  ["swapped out", "disabled"],
  ["could not enable", "refused"],
  ["could not disable", "refused"],
]);

const OOPS = /\] Oops: (.*) \[#(\d+)\]$/;
const FAULT = /\] (\S*)\[(\d+)\] fault: (.*)$/;

/** The events that a log line stands for. */
export function eventsOf(line: string): MachineEvent[] {
  const log = { kind: "log", line } as const;
  const oops = OOPS.exec(line);
  if (oops) return [log, { kind: "oops", message: oops[1] ?? "", number: Number(oops[2]) }];
  const [, words = "", patch = ""] = TRANSITION.exec(line) ?? [];
  const state = STATES.get(words);
  if (state) return [log, { kind: "transition", patch, state }];
  const [, task, pid, message = ""] = FAULT.exec(line) ?? [];
  return task === undefined ? [log] : [log, { kind: "fault", task, pid: Number(pid), message }];
}

export class EventSource {
  readonly #readers = new Set<Reader>();
  #ended = false;

  emit(event: MachineEvent): void {
    for (const reader of this.#readers) reader.push(event);
  }

  end(): void {
    this.#ended = true;
    for (const reader of this.#readers) reader.end();
  }

  async *read(signal?: AbortSignal): AsyncGenerator<MachineEvent, void> {
    const reader = new Reader();
    const leave = (): void => reader.end();
    this.#readers.add(reader);
    signal?.addEventListener("abort", leave);
    if (this.#ended || signal?.aborted) reader.end();
    try {
      for (;;) {
        const event = await reader.next();
        if (!event) return;
        yield event;
      }
    } finally {
      signal?.removeEventListener("abort", leave);
      this.#readers.delete(reader);
    }
  }
}

class Reader {
  readonly #queue: MachineEvent[] = [];
  #ended = false;
  #wake: () => void = () => {};

  push(event: MachineEvent): void {
    this.#queue.push(event);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The next event; undefined when there will be none. */
  async next(): Promise<MachineEvent | undefined> {
    while (this.#queue.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#queue.shift();
  }
}
