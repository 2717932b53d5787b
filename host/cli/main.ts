#!/usr/bin/env node
/**
 * `wlp`: the command line.
 *
 * Contract: every refusal goes to standard error with code, name and remedy. Exit status: 0 done, 1 it did not
 * happen, 2 wrong usage, 3 nothing to build, 130 interrupted, 141 nobody reads the output any more.
 * Invariant: on SIGINT the running machine is shut down before the process ends.
 */
import { readFile } from "node:fs/promises";
import { Command, CommanderError } from "commander";
import { MachineError } from "../errors.ts";
import type { MachineErrorCode } from "../errors.ts";
import { commandsFor } from "./commands.ts";

const USAGE: ReadonlySet<MachineErrorCode> = new Set([
  "BAD_OPTION",
  "BAD_USAGE",
  "MEMORY_TOO_SMALL",
  "UNKNOWN_WORKLOAD",
  "UNKNOWN_PATCH",
]);
const NOTHING_TO_BUILD = 3;
const INTERRUPTED = 130;
/** As of a program that SIGPIPE ends. */
const READER_GONE = 141;

const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort());
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  interrupt.abort(READER_GONE); // `wlp … | head`
});

/** Commander ends the process and prints by itself unless it is told otherwise, for each command. */
function quiet(command: Command): Command {
  return command
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .showHelpAfterError(false);
}

const program = quiet(new Command("wlp"))
  .description("A small SMP kernel in WebAssembly that can be patched while it runs.")
  .version(await packageVersion());
for (const command of await commandsFor(process.argv[2], interrupt.signal)) program.addCommand(quiet(command));

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  if (interrupt.signal.aborted) return interrupt.signal.reason === READER_GONE ? READER_GONE : INTERRUPTED;
  if (error instanceof CommanderError && error.exitCode === 0) return 0; // --help
  const refusal = error instanceof CommanderError ? usageError(error) : (fileError(error) ?? error);
  if (!(refusal instanceof MachineError)) throw refusal;
  process.stderr.write(`wlp: ${refusal.message}\n`);
  const { code, what, remedy } = refusal;
  if (process.argv.includes("--json"))
    process.stdout.write(`${JSON.stringify({ error: { code, what, remedy } }, null, 2)}\n`);
  if (code === "NO_FUNCTIONAL_CHANGE") return NOTHING_TO_BUILD;
  return USAGE.has(code) ? 2 : 1;
}

async function packageVersion(): Promise<string> {
  const text = await readFile(new URL("../../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** What the system says of a file or folder that the user named. */
function fileError(error: unknown): MachineError | undefined {
  if (error instanceof MachineError || !(error instanceof Error)) return undefined;
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === undefined || path === undefined) return undefined;
  return new MachineError("FILE_REFUSED", error.message, `See whether ${path} is there, and who may use it.`, {
    cause: error,
  });
}

function usageError(error: CommanderError): MachineError {
  if (error.code === "commander.help")
    return new MachineError("BAD_USAGE", "no command was given", "See wlp --help, or begin with: wlp run");
  const known = program.commands.find((one) => one.name() === program.args[0]);
  const command = known ? `wlp ${known.name()}` : "wlp";
  return new MachineError("BAD_USAGE", error.message.replace(/^error: /, ""), `See ${command} --help.`);
}
