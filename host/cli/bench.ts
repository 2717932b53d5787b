/**
 * `wlp bench`: what calls, system calls, patching, boot and build cost, against floors of the same run.
 *
 * Contract: tables as the benches end, or with --json one document; --out writes both document and report. Exit status
 * 0 when everything was measured, whether or not bounds are met. Invariant: progress goes to a terminal only.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { EFFORTS } from "../bench/bench.ts";
import type { Effort, Tools } from "../bench/bench.ts";
import { BENCHES, findBenches } from "../bench/benches.ts";
import { runBenches } from "../bench/document.ts";
import { renderPage } from "../bench/report/page.ts";
import { MachineError } from "../errors.ts";
import { renderBench, renderEnvironment, renderVerdict, show } from "./bench-report.ts";
import { painter } from "./format.ts";

interface BenchOptions {
  readonly full?: boolean;
  readonly quick?: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

export function benchCommand(signal: AbortSignal): Command {
  const rows = BENCHES.map(({ name, summary }) => `  ${name.padEnd(9)} ${summary}`).join("\n");
  return new Command("bench")
    .description("Measure what patching costs, with percentiles, intervals, floors and bounds.")
    .argument("[name]", "one of the benchmarks below; all in turn without")
    .option("--full", "more of everything, ten minutes each at most")
    .option("--quick", "hardly anything, to see that it works")
    .option("--out <dir>", "write bench.json, and report.html, which needs no network")
    .option("--json", "print one JSON document")
    .addHelpText("after", `\nBenchmarks:\n${rows}\n\nExit status: 0 measured, bounds met or not; 1 it failed, 2 usage.`)
    .action((name: string | undefined, options: BenchOptions) => bench(name, options, signal));
}

async function bench(name: string | undefined, options: BenchOptions, signal: AbortSignal): Promise<void> {
  const benches = findBenches(name);
  const effort = effortOf(options);
  const paint = painter(process.stdout.isTTY, process.env);
  const watched = !options.json && process.stderr.isTTY;
  const tools: Tools = {
    signal,
    say: (what) => void (watched && process.stderr.write(`\r\u001b[K${what}`)),
  };
  const document = await runBenches(benches, effort, tools, (report) => {
    if (watched) process.stderr.write("\r\u001b[K");
    if (!options.json) process.stdout.write(renderBench(report, paint));
  });
  if (options.out !== undefined) {
    await mkdir(options.out, { recursive: true });
    await writeFile(join(options.out, "bench.json"), `${JSON.stringify(document, null, 2)}\n`);
    await writeFile(join(options.out, "report.html"), renderPage(document, show));
  }
  if (options.json) process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  else process.stdout.write(`${renderVerdict(document, paint)}${renderEnvironment(document)}`);
}

function effortOf({ full, quick }: BenchOptions): Effort {
  if (full && quick) throw new MachineError("BAD_USAGE", "--full and --quick together", "Give one of them, or none.");
  return EFFORTS[full ? "full" : quick ? "quick" : "normal"];
}
