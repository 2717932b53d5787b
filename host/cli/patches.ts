/**
 * `wlp load`, `unload`, `list`, `blocking`, `signal`, `reverse`, `force`: the patches of a machine that runs.
 *
 * Contract: as kpatch(8) has them; each finds its machine by --name, and does there what console/patch-calls.ts says.
 * Invariant: nothing is decided here; a refusal is the machine's, in its words.
 */
import { Command, Option } from "commander";
import { ask } from "../console/protocol.ts";
import type { ListedPatch } from "../console/patch-calls.ts";
import { connectTo, DEFAULT_NAME } from "../console/sockets.ts";
import { readPatch } from "../toolchain/patch-format.ts";
import { numberOf } from "./number.ts";
import { resolvePatch } from "./patch-argument.ts";

interface Options {
  readonly name: string;
  readonly json?: boolean;
  readonly model?: string;
  /** --no-wait */
  readonly wait?: boolean;
  readonly timeout?: number;
}

const EXIT_STATUS = "Exit status: 0 done, 1 it did not happen, 2 usage.";
/** Seconds: as kpatch waits, 15 and after a signal 60 more. */
const TIMEOUT = 75;
const MOST_TIMEOUT = 1_000_000;

type Show = (answer: unknown) => readonly string[];

export function patchCommands(signal: AbortSignal): Command[] {
  const command = (name: string, description: string): Command =>
    new Command(name)
      .description(description)
      .option("--name <m>", "name of the machine", DEFAULT_NAME)
      .option("--json", "print one JSON document")
      .addHelpText("after", `\n${EXIT_STATUS}`);
  const plain = (name: string, description: string, show: Show): Command =>
    command(name, description).action((options: Options) => run({ op: name }, options, show, signal));
  const waiting = (one: Command): Command =>
    one
      .option("--no-wait", "do not wait for the end of the transition")
      .option(
        "--timeout <s>",
        "turn the transition around when it takes longer",
        numberOf("--timeout", 0, MOST_TIMEOUT),
        TIMEOUT,
      );
  return [
    waiting(command("load", "Load a patch into a running machine, and wait until every task runs it."))
      .argument("<PATCH>", "a folder's name under patches/, a diff (.patch), or a built module (.wasm)")
      .addOption(
        new Option("--model <m>", "consistency model (default: the patch's own)").choices(["kpatch", "kgraft"]),
      )
      .action((patch: string, options: Options) => load(patch, options, signal)),
    waiting(command("unload", "Take a patch off, wait until no task runs it, and unload it."))
      .argument("<NAME>", "the patch's name, as wlp list has it")
      .action((patch: string, options: Options) => run({ op: "unload", patch }, options, () => [], signal)),
    plain("list", "Patches that are loaded.", showAll),
    plain("blocking", "Tasks that a transition waits for, with their stacks.", showReport),
    plain("signal", "Signal the tasks that a transition waits for.", showSignalled),
    plain("reverse", "Turn the transition under way around.", showOne),
    plain("force", "Move all tasks at once: what they are in the middle of they end in the old version.", showOne),
  ];
}

async function load(argument: string, options: Options, signal: AbortSignal): Promise<void> {
  const variant = String(await ask(await connectTo(options.name), { op: "variant" }, () => undefined));
  const { bytes } = await resolvePatch(argument, variant);
  await run(
    {
      op: "load",
      bytes: Buffer.from(bytes).toString("base64"),
      model: options.model ?? readPatch(new WebAssembly.Module(new Uint8Array(bytes))).info.model ?? "kgraft",
    },
    options,
    showOne,
    signal,
  );
}

async function run(
  request: { readonly op: string; readonly [argument: string]: unknown },
  { name, json = false, wait, timeout }: Options,
  show: Show,
  signal: AbortSignal,
): Promise<void> {
  const socket = await connectTo(name);
  signal.addEventListener("abort", () => socket.destroy(), { once: true });
  const answer = await ask(socket, { ...request, noWait: wait === false, timeout }, (piece) =>
    process.stderr.write(piece),
  );
  const lines = json ? [JSON.stringify(answer, null, 2)] : show(answer);
  if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
}

const STATES: Readonly<Record<string, string>> = {
  loaded: "disabled",
  enabling: "enabling...",
  disabling: "disabling...",
  unloading: "unloading...",
};

function line({ name, model, state, remaining, functions }: ListedPatch): string {
  const waits = remaining > 0 ? `, ${remaining} tasks to move` : "";
  return `${name} [${STATES[state] ?? state}] (${model}${waits}): ${functions.join(", ")}`;
}
function showOne(answer: unknown): string[] {
  return [line(answer as ListedPatch)];
}
function showAll(answer: unknown): string[] {
  return ["Loaded patch modules:", ...(answer as ListedPatch[]).map(line)];
}
function showReport(answer: unknown): string[] {
  const { patch, report } = answer as { patch: string | null; report: string };
  return patch === null ? [] : [report.trimEnd()];
}
function showSignalled(answer: unknown): string[] {
  const { patch, tasks } = answer as { patch: string; tasks: number };
  return [`${patch}: ${tasks} tasks signalled`];
}
