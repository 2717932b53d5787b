/**
 * What a person at a terminal waits for: a machine whose shell has run a first line, and `wlp exec`.
 *
 * The commands are processes of their own, in a runtime folder of their own: nobody's machine is in the way.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MachineError } from "../errors.ts";
import { PACKAGE_ROOT } from "../platform/node/files.ts";
import type { Effort, Reading, Tools } from "./bench.ts";
import { figure } from "./figure.ts";

const WLP = join(PACKAGE_ROOT, "dist/host/cli/main.js");
const BOOTS = 11;

export async function benchConsole(effort: Effort, tools: Tools): Promise<Reading[]> {
  const folder = await mkdtemp(join(tmpdir(), "wlp-bench-"));
  const env = { ...process.env, XDG_RUNTIME_DIR: folder };
  const start = (...args: string[]): ChildProcess =>
    spawn(process.execPath, args, { env, signal: tools.signal, stdio: ["pipe", "pipe", "ignore"] });
  const timed = async (...args: string[]): Promise<number> => {
    const started = performance.now();
    await ended(start(...args), args);
    return (performance.now() - started) * 1e6;
  };
  try {
    const boots: number[] = [];
    const calls: number[] = [];
    tools.say("boot: a shell that runs a line");
    for (let round = 0; round < (effort.name === "quick" ? 1 : BOOTS); round++) {
      const began = performance.now();
      const machine = start(WLP, "boot");
      machine.stdin?.end("echo up\n");
      await once(machine.stdout!, "data");
      boots.push((performance.now() - began) * 1e6);
      const node = await timed("--eval", "0");
      calls.push((await timed(WLP, "exec", "--", "true")) - node);
      await Promise.all([ended(machine, ["boot"]), timed(WLP, "shutdown")]);
    }
    return [figure("boot.shell", "4 CPUs", boots), figure("exec.true", "4 CPUs", calls)];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function ended(child: ChildProcess, args: readonly string[]): Promise<void> {
  const [status] = (await once(child, "exit")) as [number | null];
  if (status === 0) return;
  throw new MachineError("CALL_FAILED", `${args.join(" ")} ended with ${status}`, "Run the command by hand.");
}
