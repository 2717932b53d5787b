/**
 * `wlp exec`: a shell line in a machine that runs.
 *
 * Contract: what the line writes comes out here as it is written, and its status is this command's. Invariant: when
 * this command is interrupted, so is the line.
 */
import { Command } from "commander";
import { ask } from "../console/protocol.ts";
import { connectTo, DEFAULT_NAME } from "../console/sockets.ts";

interface ExecOptions {
  readonly name: string;
  readonly json?: boolean;
}

const EXIT_STATUS = "Exit status: the line's: 127 not found, 128 + n for signal n; 1 or 2 with a message from wlp.";

export function execCommand(signal: AbortSignal): Command {
  return new Command("exec")
    .description("Run a shell line in a machine that wlp boot started.")
    .argument("<LINE...>", "the line; put -- in front of it")
    .option("--name <m>", "name of the machine", DEFAULT_NAME)
    .option("--json", "print one JSON document: status and output")
    .addHelpText("after", `\nExample: wlp exec -- 'cat /proc/uptime | wc -c'\n\n${EXIT_STATUS}`)
    .action((words: string[], options: ExecOptions) => exec(words.join(" "), options, signal));
}

async function exec(line: string, { name, json = false }: ExecOptions, signal: AbortSignal): Promise<void> {
  const socket = await connectTo(name);
  signal.addEventListener("abort", () => socket.destroy(), { once: true });
  const decoder = new TextDecoder();
  let stdout = "";
  const answer = await ask(socket, { op: "exec", line }, (piece) => {
    if (json) stdout += decoder.decode(piece, { stream: true });
    else process.stdout.write(piece);
  });
  const { status } = answer as { readonly status: number };
  if (json) process.stdout.write(`${JSON.stringify({ status, stdout: stdout + decoder.decode() }, null, 2)}\n`);
  process.exitCode = status;
}
