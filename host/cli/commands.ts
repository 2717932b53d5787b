/**
 * The commands by name, each loaded when it is asked for: `wlp exec` need not wait for the compiler.
 *
 * Contract: `commandsFor` gives the file's commands that hold `name`, or all when nobody's name it is. Adding a command
 * is a file with a `Command`, and a row.
 */
import type { Command } from "commander";

type Load = (signal: AbortSignal) => Promise<readonly Command[]>;

export const COMMANDS: readonly { readonly names: readonly string[]; readonly load: Load }[] = [
  { names: ["run"], load: async (signal) => [(await import("./run.ts")).runCommand(signal)] },
  { names: ["build"], load: async () => [(await import("./build.ts")).buildCommand()] },
  { names: ["bench"], load: async (signal) => [(await import("./bench.ts")).benchCommand(signal)] },
  { names: ["boot"], load: async (signal) => [(await import("./boot.ts")).bootCommand(signal)] },
  { names: ["exec"], load: async (signal) => [(await import("./exec.ts")).execCommand(signal)] },
  { names: ["shutdown"], load: async () => [(await import("./shutdown.ts")).shutdownCommand()] },
  { names: ["trace"], load: async (signal) => [(await import("./trace.ts")).traceCommand(signal)] },
  {
    names: ["load", "unload", "list", "blocking", "signal", "reverse", "force"],
    load: async (signal) => (await import("./patches.ts")).patchCommands(signal),
  },
  { names: ["inspect", "info", "verify"], load: async () => (await import("./inspect.ts")).inspectCommands() },
];

export async function commandsFor(name: string | undefined, signal: AbortSignal): Promise<readonly Command[]> {
  const row = COMMANDS.find(({ names }) => names.includes(name ?? ""));
  return (await Promise.all((row ? [row] : COMMANDS).map(({ load }) => load(signal)))).flat();
}
