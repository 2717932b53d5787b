/**
 * A terminal of the machine, as the host holds it: what it types, what it reads, what it runs there.
 *
 * Idea: hostd moves the bytes; a word in memory says when there is something to ask for. Contract: `output` gives
 * what was written since the last call and never waits; `input` resolves when the terminal has taken everything.
 * Invariant: a terminal that was opened is closed, whatever happens in between; what is written to it then is lost.
 */
import {
  MAIL_OP_TTY_CLOSE,
  MAIL_OP_TTY_INPUT,
  MAIL_OP_TTY_OPEN,
  MAIL_OP_TTY_OUTPUT,
  MAIL_OP_TTY_SPAWN,
  TTY_CANON,
  TTY_CONSOLE,
  TTY_ECHO,
  TTY_END,
  TTY_SIGNALS,
} from "../../kernel/abi.ts";
import { MACHINE, MACHINE_REAPABLE, MACHINE_TTY_NEWS } from "../../kernel/layout.ts";
import type { CallOptions } from "../abort.ts";
import { succeeded } from "../errno.ts";
import type { Mailbox } from "../mailbox.ts";
import type { SharedMemory } from "../memory.ts";
import type { Platform } from "../platform/platform.ts";

/** What a terminal needs of its machine. */
export interface TerminalHost {
  readonly memory: SharedMemory;
  readonly platform: Platform;
  readonly mailbox: Mailbox;
}

/** Bytes of input per request; the terminal holds a page. */
const CHUNK = 1024;
/** How long to wait for a reader when the terminal is full. */
const FULL_SECONDS = 0.005;

export class Terminal {
  readonly #host: TerminalHost;
  readonly #number: number;
  /** The word that changes when there is output. */
  readonly #news: number;

  private constructor(host: TerminalHost, number: number) {
    this.#host = host;
    this.#number = number;
    this.#news = MACHINE + (number === 0 ? MACHINE_TTY_NEWS : MACHINE_REAPABLE);
  }

  /** One of its own: no echo, no editing, nobody types. */
  static async open(host: TerminalHost, options: CallOptions = {}): Promise<Terminal> {
    return Terminal.#opened(host, TTY_CANON, "open a terminal", options);
  }

  /** The console; `conversing` with somebody who types, who sees an echo and whose ^C is a signal. */
  static async console(host: TerminalHost, conversing: boolean, options: CallOptions = {}): Promise<Terminal> {
    const modes = TTY_CONSOLE | TTY_CANON | (conversing ? TTY_ECHO | TTY_SIGNALS : 0);
    return Terminal.#opened(host, modes, "open the console", options);
  }

  static async #opened(host: TerminalHost, modes: number, doing: string, options: CallOptions): Promise<Terminal> {
    const { status } = await host.mailbox.request(MAIL_OP_TTY_OPEN, "", modes, options, async (late) => {
      if (late.status >= 0) await new Terminal(host, late.status).close();
    });
    return new Terminal(host, succeeded(status, doing));
  }

  /** Starts a program with these arguments, the first of which names it, in the foreground; gives its pid. */
  async spawn(args: readonly string[], options: CallOptions = {}): Promise<number> {
    const text = args.map((arg) => `${arg}\0`).join("");
    const { status } = await this.#host.mailbox.request(MAIL_OP_TTY_SPAWN, text, this.#number, options);
    return succeeded(status, `start ${args[0] ?? "nothing"}`);
  }

  /** Types; `end` says that nothing will come behind it. */
  async input(bytes: Uint8Array, end: boolean = false, options: CallOptions = {}): Promise<void> {
    const { mailbox, platform } = this.#host;
    let rest = bytes;
    do {
      const chunk = rest.subarray(0, CHUNK);
      const last = end && chunk.length === rest.length;
      const { status } = await mailbox.request(MAIL_OP_TTY_INPUT, chunk, this.#number | (last ? TTY_END : 0), options);
      const taken = succeeded(status, "type on a terminal");
      rest = rest.subarray(taken);
      if (taken < chunk.length) await platform.pass(FULL_SECONDS, options.signal);
    } while (rest.length > 0);
  }

  /** What was written since the last call; empty when nothing was. */
  async output(options: CallOptions = {}): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (;;) {
      const { status, bytes } = await this.#host.mailbox.request(MAIL_OP_TTY_OUTPUT, "", this.#number, options);
      if (succeeded(status, "read a terminal") === 0) return concatenated(parts);
      parts.push(bytes);
    }
  }

  /** A number that changes when there is output; read it before asking for output, to wait for more behind it. */
  news(): number {
    return this.#host.memory.load(this.#news);
  }

  /** Resolves when `news()` is not `seen` any more. */
  change(seen: number, signal?: AbortSignal): Promise<void> {
    return this.#host.platform.change(this.#news, seen, signal);
  }

  async close(options: CallOptions = {}): Promise<void> {
    await this.#host.mailbox.request(MAIL_OP_TTY_CLOSE, "", this.#number, options);
  }
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
