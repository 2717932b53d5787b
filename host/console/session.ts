/**
 * The shell on a machine's console, tied to this process's standard input and output.
 *
 * Idea: two pumps, one per direction. Contract: resolves when the shell has ended; on a terminal that is when somebody
 * typed `exit` or ^D, else when the input is used up. Invariant: the user's terminal is left as it was found.
 */
import type { ReadStream } from "node:tty";
import type { Machine } from "../machine.ts";
import type { Terminal } from "./terminal.ts";

export interface Streams {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WritableStream;
}

/** Runs a shell on the console until it ends; gives its wait status. */
export async function converse(machine: Machine, { input, output }: Streams, signal: AbortSignal): Promise<number> {
  const conversing = input.isTTY === true;
  const terminal = await machine.console(conversing, { signal });
  const pid = await terminal.spawn(["sh"], { signal });
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  if (conversing) (input as ReadStream).setRawMode(true);
  const pumps = [pumpOut(terminal, output, stop), pumpIn(terminal, input, stop)];
  try {
    const status = await machine.wait(pid, { signal });
    over.abort();
    await Promise.all(pumps);
    output.write(await terminal.output());
    return status;
  } finally {
    over.abort();
    if (conversing) (input as ReadStream).setRawMode(false);
    input.pause();
    await Promise.all(pumps);
    await terminal.close().catch(() => undefined); // a machine that failed has said so already
  }
}

async function pumpOut(terminal: Terminal, output: NodeJS.WritableStream, signal: AbortSignal): Promise<void> {
  await untilAborted(signal, async () => {
    while (!signal.aborted) {
      const seen = terminal.news();
      const piece = await terminal.output(); // never given up half-way: what it took would be lost
      if (piece.length > 0) output.write(piece);
      else await terminal.change(seen, signal);
    }
  });
}

/** What is typed, in order; then the end. */
async function pumpIn(terminal: Terminal, input: NodeJS.ReadStream, signal: AbortSignal): Promise<void> {
  let last: Promise<void> = Promise.resolve();
  const type = (bytes: Uint8Array, end: boolean): void => {
    last = last.then(() => untilAborted(signal, () => terminal.input(bytes, end, { signal })));
  };
  const onData = (chunk: Buffer): void => type(chunk, false);
  const onEnd = (): void => type(new Uint8Array(), true);
  input.on("data", onData).once("end", onEnd);
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  input.off("data", onData).off("end", onEnd);
  await last;
}

/** Runs `work`, whose failure does not matter once `signal` is up: whoever waits for the shell is told the reason. */
async function untilAborted(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!signal.aborted && !(error instanceof Error)) throw error;
  }
}
