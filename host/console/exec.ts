/**
 * A shell line run inside the machine: its output and its exit status.
 *
 * Idea: each line has a shell and a terminal of its own. Contract: resolves when the shell has ended; background jobs
 * go on, and what they write then is lost. Invariant: when the caller gives up, the line's processes are killed.
 */
import { EAGAIN, MAIL_OP_KILL, MAIL_OP_WAIT, SIGKILL } from "../../kernel/abi.ts";
import type { CallOptions } from "../abort.ts";
import { succeeded } from "../errno.ts";
import { MachineError } from "../errors.ts";
import { MACHINE, MACHINE_REAPABLE } from "../../kernel/layout.ts";
import { Terminal } from "./terminal.ts";
import type { TerminalHost } from "./terminal.ts";

export interface ExecResult {
  /** As `$?` in a shell: the exit code, or 128 + n for signal n. */
  readonly status: number;
  /** What the line wrote, on standard output and on standard error. */
  readonly stdout: string;
}

export interface ExecOptions extends CallOptions {
  /** Called with each piece of output as it comes. */
  readonly onOutput?: (piece: Uint8Array) => void;
}

/** The longest line that the shell has room for, in bytes. */
const LONGEST = 1000;
const REAPABLE = MACHINE + MACHINE_REAPABLE;

export async function execLine(host: TerminalHost, line: string, options: ExecOptions = {}): Promise<ExecResult> {
  checkLine(line);
  const terminal = await Terminal.open(host, options);
  try {
    await terminal.input(new Uint8Array(), true, options);
    return await collect(host, terminal, await terminal.spawn(["sh", "-c", line], options), options);
  } finally {
    await terminal.close().catch(() => undefined); // a machine that failed has said so already
  }
}

function checkLine(line: string): void {
  const length = new TextEncoder().encode(line).length;
  if (length > LONGEST)
    throw new MachineError(
      "LINE_TOO_LONG",
      `a line of ${length} bytes`,
      `The shell takes ${LONGEST}: put the commands into a file and run sh FILE.`,
    );
  if (/[\0\n]/.test(line))
    throw new MachineError("BAD_OPTION", "the line holds a newline or a zero", "Put ; between commands.");
}

async function collect(
  host: TerminalHost,
  terminal: Terminal,
  pid: number,
  { signal, onOutput }: ExecOptions,
): Promise<ExecResult> {
  const decoder = new TextDecoder();
  let stdout = "";
  const take = async (): Promise<void> => {
    const piece = await terminal.output();
    if (piece.length === 0) return;
    stdout += decoder.decode(piece, { stream: true });
    onOutput?.(piece);
  };
  try {
    for (;;) {
      const seen = terminal.news(); // an exit changes it too
      await take();
      const { status } = await host.mailbox.request(MAIL_OP_WAIT, "", pid, {});
      if (status === -EAGAIN) {
        await terminal.change(seen, signal);
        continue;
      }
      await take();
      return { status: codeOf(succeeded(status, `wait for ${pid}`)), stdout: stdout + decoder.decode() };
    }
  } catch (error) {
    await abandon(host, pid).catch(() => undefined); // the reason that counts is the first
    throw error;
  }
}

const codeOf = (status: number): number => ((status & 127) !== 0 ? 128 + (status & 127) : status >> 8);

/** Kills the line's process group, and buries its shell. */
async function abandon({ mailbox, memory, platform }: TerminalHost, pid: number): Promise<void> {
  await mailbox.request(MAIL_OP_KILL, "", (-pid & 0xffffff) | (SIGKILL << 24), {});
  for (;;) {
    const seen = memory.load(REAPABLE);
    const { status } = await mailbox.request(MAIL_OP_WAIT, "", pid, {});
    if (status !== -EAGAIN) return;
    await platform.change(REAPABLE, seen);
  }
}
