/**
 * `wlp shutdown`: ends a machine that runs.
 *
 * Contract: when the command has ended, the machine's name is free.
 */
import { once } from "node:events";
import { Command } from "commander";
import { ask } from "../console/protocol.ts";
import { connectTo, DEFAULT_NAME } from "../console/sockets.ts";

interface ShutdownOptions {
  readonly name: string;
  readonly json?: boolean;
}

export function shutdownCommand(): Command {
  return new Command("shutdown")
    .description("End a machine that wlp boot started.")
    .option("--name <m>", "name of the machine", DEFAULT_NAME)
    .option("--json", "print one JSON document")
    .addHelpText("after", "\nExit status: 0 it ended, 1 there is none of that name, 2 usage.")
    .action(shutdown);
}

async function shutdown({ name, json = false }: ShutdownOptions): Promise<void> {
  const socket = await connectTo(name);
  const closed = once(socket, "close");
  await ask(socket, { op: "shutdown" }, () => undefined);
  await closed;
  if (json) process.stdout.write(`${JSON.stringify({ name, state: "down" }, null, 2)}\n`);
}
