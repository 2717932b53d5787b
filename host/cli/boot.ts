/**
 * `wlp boot`: a machine with a shell on its console, which other commands reach by its name.
 *
 * Contract: on a terminal the machine ends with its shell; when standard input is no terminal, its lines are run and
 * the machine goes on until `wlp shutdown` or a signal. Invariant: the name is free again when the command has ended.
 */
import { Writable } from "node:stream";
import { Command } from "commander";
import { converse } from "../console/session.ts";
import { listen } from "../console/serve.ts";
import type { Listener } from "../console/serve.ts";
import { DEFAULT_NAME, freePath, socketPath } from "../console/sockets.ts";
import { Machine } from "../machine.ts";
import { numberOf } from "./number.ts";

interface BootOptions {
  readonly name: string;
  readonly cpus?: number;
  readonly memory?: number;
  readonly share?: string;
  readonly json?: boolean;
}

const EXIT_STATUS = "Exit status: 0 the machine ended in order, 1 it failed, 2 usage, 130 interrupted.";

export function bootCommand(signal: AbortSignal): Command {
  return new Command("boot")
    .description("Boot a machine with a shell; wlp exec and wlp shutdown reach it by its name.")
    .option("--name <m>", "name of the machine", DEFAULT_NAME)
    .option("--cpus <n>", "CPUs, 1 to 64 (default: 4)", numberOf("--cpus"))
    .option("--memory <mib>", "memory of the machine in MiB (default: 64)", numberOf("--memory"))
    .option("--share <dir>", "a folder that the machine sees as /host, to be read only")
    .option("--json", "print one JSON document when the machine is up, and nothing of its console")
    .addHelpText("after", `\n${EXIT_STATUS}`)
    .action((options: BootOptions) => boot(options, signal));
}

async function boot({ name, cpus, memory, share, json = false }: BootOptions, interrupt: AbortSignal): Promise<void> {
  const terminate = new AbortController();
  process.once("SIGTERM", () => terminate.abort());
  const signal = AbortSignal.any([interrupt, terminate.signal]);
  const path = await socketPath(name);
  await freePath(path);
  const machine = await Machine.boot({ cpus, memoryMiB: memory, share }, { signal });
  let listener: Listener | undefined;
  try {
    listener = await listen(path, machine);
    announce(name, path, machine, json);
    await serve(machine, listener, json, signal);
  } catch (error) {
    if (!terminate.signal.aborted) throw error; // told to end, it did
  } finally {
    await listener?.close();
    await machine.shutdown();
    process.stdin.destroy();
  }
}

function announce(name: string, path: string, { settings }: Machine, json: boolean): void {
  const { cpus, memoryMiB } = settings;
  if (json) {
    process.stdout.write(`${JSON.stringify({ name, socket: path, pid: process.pid, cpus, memoryMiB }, null, 2)}\n`);
    return;
  }
  const ends = process.stdin.isTTY ? "ends with ^D or exit" : `runs on until: wlp shutdown --name ${name}`;
  process.stderr.write(`machine ${name}: ${cpus} CPUs, ${memoryMiB} MiB; ${ends}\n`);
}

/** Until the shell on a terminal ends, somebody asks for the end, or the machine fails. */
async function serve(machine: Machine, { ended }: Listener, json: boolean, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const output = json ? nowhere() : process.stdout;
  const shell = converse(machine, { input: process.stdin, output }, stop);
  const afterwards = process.stdin.isTTY ? shell : shell.then(() => failureOf(machine, stop));
  try {
    await Promise.race([ended, afterwards]);
  } finally {
    over.abort();
    await Promise.allSettled([shell, afterwards]);
  }
}

/** Never resolves while the machine is sound; rejects with what ended it. */
async function failureOf(machine: Machine, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await machine.run(WATCH_SECONDS, { signal });
}
const WATCH_SECONDS = 3600;

/** Where the console goes when nobody wants to see it. */
function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}
