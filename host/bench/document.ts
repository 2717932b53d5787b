/**
 * A run of benches as one document: what `--json` prints and the report draws.
 *
 * Contract: figures in the order in which they were taken; `bounds` counts those that have one. Invariant: numbers
 * only, ns where they are times, so that text, JSON and report say the same.
 */
import type { Bench, Effort, Outcome, Tools } from "./bench.ts";
import { environment } from "./environment.ts";
import type { Environment } from "./environment.ts";
import type { Figure } from "./figure.ts";
import { stampCost } from "./stamp.ts";

export interface BenchReport extends Outcome {
  readonly bench: string;
  readonly seconds: number;
}

export interface BenchDocument {
  readonly environment: Environment;
  readonly effort: Effort;
  readonly benches: readonly BenchReport[];
  readonly bounds: { readonly met: number; readonly missed: number };
}

/** Runs the benches in turn; each report is handed on as soon as it is there. */
export async function runBenches(
  benches: readonly Bench[],
  effort: Effort,
  tools: Tools,
  done: (report: BenchReport) => void,
): Promise<BenchDocument> {
  const where = await environment();
  const reports: BenchReport[] = [];
  const finished = (bench: string, started: number, outcome: Outcome): void => {
    const report = { bench, seconds: (performance.now() - started) / 1000, ...outcome };
    reports.push(report);
    done(report);
  };
  const started = performance.now();
  finished("stamp", started, { figures: [await stampCost(effort)], notes: [] });
  for (const { name, run } of benches) finished(name, performance.now(), await run(effort, tools));
  const judged = reports.flatMap(({ figures }) => figures).filter((reading): reading is Figure => "met" in reading);
  const met = judged.filter((figure) => figure.met).length;
  return { environment: where, effort, benches: reports, bounds: { met, missed: judged.length - met } };
}
