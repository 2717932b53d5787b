/**
 * `wlp trace`: a shell line under the function tracers.
 *
 * Contract: boots a machine of its own, runs the line, prints the trace as ftrace does, or writes Chrome trace events.
 * Invariant: only what happens while the line runs is in the trace; the line's own output goes to standard error.
 */
import { writeFile } from "node:fs/promises";
import { Command, Option } from "commander";
import { MachineError } from "../errors.ts";
import { Machine } from "../machine.ts";
import type { PlatformName } from "../platform/platforms.ts";
import { numberOf } from "./number.ts";

interface TraceOptions {
  readonly function: readonly string[];
  readonly graph?: boolean;
  readonly cpus: number;
  readonly platform: PlatformName;
  readonly seed: number;
  readonly bufferKib: number;
  readonly chrome?: string;
  readonly json?: boolean;
}

const MEMORY_MIB = 64;
const MOST_KIB = 4096;
const EXAMPLE = "Example: wlp trace --graph --function 'pipe_*' --function sys_read -- 'echo hello | cat'";

export function traceCommand(signal: AbortSignal): Command {
  return new Command("trace")
    .description("Run a shell line and show which kernel functions were called, by whom, and how long they took.")
    .argument("<LINE...>", "the line; put -- in front of it")
    .option("--function <glob>", "trace these functions; may be repeated (default: all)", collect, [])
    .option("--graph", "show entries and returns, nested, with durations, instead of calls with their callers")
    .option("--cpus <n>", "CPUs", numberOf("--cpus"), 2)
    .addOption(new Option("--platform <p>", "platform").choices(["threads", "stepped"]).default("threads"))
    .option("--seed <n>", "seed of the stepped platform", numberOf("--seed"), 1)
    .option("--buffer-kib <n>", "size of each CPU's ring", numberOf("--buffer-kib", 1, MOST_KIB), 1024)
    .option("--chrome <file>", "write Chrome trace-event JSON, for ui.perfetto.dev, instead of text")
    .option("--json", "print one JSON document: the line's status and output, and the trace's text")
    .addHelpText("after", `\n${EXAMPLE}\n\nExit status: the line's; 1 or 2 with a message from wlp.`)
    .action((words: string[], options: TraceOptions) => trace(words.join(" "), options, signal));
}

function unknownFunction(glob: string, cause: unknown): MachineError {
  if (!(cause instanceof MachineError) || cause.code !== "REQUEST_FAILED") throw cause;
  return new MachineError(
    "UNKNOWN_FUNCTION",
    `no function of the kernel's that can be traced is like ${glob}`,
    "See those that can: wlp trace -- cat /sys/kernel/tracing/available_filter_functions",
    { cause },
  );
}

function collect(glob: string, others: readonly string[]): string[] {
  return [...others, glob];
}

async function trace(line: string, options: TraceOptions, signal: AbortSignal): Promise<void> {
  const { cpus, platform, seed, chrome, json = false } = options;
  const machine = await Machine.boot({ cpus, platform, seed, memoryMiB: MEMORY_MIB }, { signal });
  try {
    const tracing = machine.tracing();
    await tracing.write("buffer_size_kb", String(options.bufferKib), { signal });
    for (const glob of options.function) {
      await tracing.append("set_ftrace_filter", glob, { signal }).catch((cause: unknown) => {
        throw unknownFunction(glob, cause);
      });
    }
    await tracing.write("current_tracer", options.graph ? "function_graph" : "function", { signal });
    const { status, stdout } = await machine.exec(line, { signal });
    await tracing.write("tracing_on", "0", { signal });
    if (chrome !== undefined) await writeFile(chrome, JSON.stringify(tracing.events()));
    const text = chrome === undefined || json ? await tracing.read("trace", { signal }) : "";
    if (json) process.stdout.write(`${JSON.stringify({ status, stdout, trace: text }, null, 2)}\n`);
    else {
      process.stderr.write(stdout);
      process.stdout.write(text);
    }
    process.exitCode = status;
  } finally {
    await machine.shutdown();
  }
}
