/**
 * `npm run bench`: what slots and the ability to sleep cost system calls that run to completion, and how long an idle
 * CPU takes to wake.
 *
 * Contract: one table per work, or with --json one document; exit status 2 for any other argument. Invariant: says
 * which engine was measured, because figures mean nothing without it.
 */
import { duration, table } from "../cli/format.ts";
import { MachineError } from "../errors.ts";
import type { Percentiles } from "../histogram.ts";
import { bootKernels } from "./kernels.ts";
import { measure } from "./measure.ts";
import type { Measurement, Spread } from "./measure.ts";
import { measureWakeUps } from "./wakeup.ts";

const EFFORT = { rounds: 31, calls: 200_000 };
const BOUNCES = 5000;

const engine = `Node ${process.versions.node}, V8 ${process.versions.v8}, ${process.platform} ${process.arch}`;

function render({ work, rows }: Measurement): string {
  const range = ({ lower, upper }: Spread): string => `${lower.toFixed(1)}-${upper.toFixed(1)}`;
  const cells = table([
    ["image", "has", "ns/call", "quartiles", "of plain"],
    ...rows.map(({ image, has, nsPerCall, ratio }) => [
      image,
      has,
      nsPerCall.median.toFixed(1),
      range(nsPerCall),
      `${ratio.median.toFixed(2)} x`,
    ]),
  ]);
  return `\n${work}\n${cells.join("\n")}\n`;
}

function renderWakeUps({ p50, p90, p99, max, count }: Percentiles): string {
  const cells = table([
    ["p50", "p90", "p99", "max", "count"],
    [duration(p50), duration(p90), duration(p99), duration(max), `${count}`],
  ]);
  return `\nwake-up of an idle CPU by another, until the woken task runs\n${cells.join("\n")}\n`;
}

function asJson(args: readonly string[]): boolean {
  const unknown = args.find((argument) => argument !== "--json");
  if (unknown === undefined) return args.length > 0;
  throw new MachineError("BAD_USAGE", `there is no argument ${unknown}`, "Give --json, or nothing.");
}

try {
  const json = asJson(process.argv.slice(2));
  if (!json) {
    process.stdout.write(`${engine}\n`);
    process.stdout.write(`dispatch_syscall() and below; medians of ${EFFORT.rounds} rounds, images in turn\n`);
  }
  const measurements = measure(await bootKernels(), EFFORT);
  const wakeUps = await measureWakeUps(BOUNCES);
  process.stdout.write(
    json
      ? `${JSON.stringify({ engine, ...EFFORT, measurements, wakeUps }, null, 2)}\n`
      : measurements.map(render).join("") + renderWakeUps(wakeUps),
  );
} catch (error) {
  if (!(error instanceof MachineError)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = error.code === "BAD_USAGE" ? 2 : 1;
}
