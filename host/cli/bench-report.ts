/**
 * Figures as text: a table per circumstance, 80 columns wide, with unit, bound and verdict of each.
 */
import { boundText } from "../bench/bounds.ts";
import type { Reading } from "../bench/bench.ts";
import type { BenchDocument, BenchReport } from "../bench/document.ts";
import type { Figure } from "../bench/figure.ts";
import type { Unit } from "../bench/metrics.ts";
import { duration, si, wrap } from "./format.ts";
import type { Paint } from "./format.ts";

const WIDTH = 80;
/** Widths of name, p50, p99, max, n; the bound takes what is left. */
const COLUMNS = [27, 10, 10, 10, 7] as const;

const SHOW: Readonly<Record<Unit, (value: number) => string>> = {
  ns: (value) =>
    Math.abs(value) < 100 ? `${value.toFixed(1)} ns` : value < 0 ? `-${duration(-value)}` : duration(value),
  ratio: (value) => `${value < 100 ? value.toFixed(2) : value.toFixed(0)} x`,
  "per second": (value) => `${si(value)}/s`,
  share: (value) => `${(value * 100).toFixed(2)} %`,
  bytes: (value) => `${si(value)}B`,
};

export function show(value: number, unit: Unit): string {
  return SHOW[unit](value);
}

const line = (cells: readonly string[]): string =>
  cells.map((cell, column) => (column === 0 ? cell.padEnd(COLUMNS[0]) : cell.padStart(COLUMNS[column] ?? 0))).join("");

export function renderBench({ bench, seconds, figures, notes }: BenchReport, paint: Paint): string {
  const lines = [paint("bold", `${bench}, ${seconds.toFixed(1)} s`)];
  for (const at of new Set(figures.map((reading) => reading.at))) {
    lines.push("", line([at, "p50", "p99", "max", "n"]));
    for (const reading of figures) if (reading.at === at) lines.push(row(reading, paint));
  }
  for (const note of notes) lines.push(...wrap(`- ${note}`, WIDTH));
  return `${lines.join("\n")}\n\n`;
}

function row(reading: Reading, paint: Paint): string {
  if ("absent" in reading) return `${reading.metric.padEnd(COLUMNS[0])} absent: ${reading.absent}`;
  const { metric, unit, statistic, value, spread, n } = reading;
  const of = (part: "p50" | "p99" | "max"): string =>
    spread ? show(spread[part], unit) : part === statistic ? show(value, unit) : "";
  return `${line([metric, of("p50"), of("p99"), of("max"), `${n}`])}${verdict(reading, paint)}`;
}

function verdict({ bound, met, unit }: Figure, paint: Paint): string {
  if (!bound) return "";
  return paint(met ? "green" : "red", `  ${met ? "ok" : "NOT"} ${boundText(bound, (limit) => show(limit, unit))}`);
}

export function renderVerdict({ bounds, benches }: BenchDocument, paint: Paint): string {
  const missed = benches
    .flatMap(({ figures }) => figures)
    .filter((reading): reading is Figure => "met" in reading && !reading.met);
  const names = missed.map(
    ({ metric, at, statistic, value, unit, bound }) =>
      `  ${metric} (${at}) ${statistic} ${show(value, unit)}, bound ${bound ? boundText(bound, (limit) => show(limit, unit)) : ""}`,
  );
  const head = `${bounds.met} bounds met, ${bounds.missed} missed`;
  return `${[paint(bounds.missed > 0 ? "red" : "green", head), ...names].join("\n")}\n`;
}

export function renderEnvironment({ environment, effort }: BenchDocument): string {
  const { node, v8, flags, platform, cores, processor, loadAverage, revision, date } = environment;
  const text = [
    `Node ${node}, V8 ${v8}${flags.length > 0 ? ` ${flags.join(" ")}` : ""}, ${platform}`,
    `${cores} cores (${processor}), load ${loadAverage.join(" ")}`,
    `wasm-livepatch ${environment.package}${revision === undefined ? "" : ` at ${revision}`}, ${date}, effort ${effort.name}`,
    "p99 of fewer than 100 samples is their maximum; docs/metrics.md says what each figure means",
  ];
  return `${text.flatMap((one) => wrap(one, WIDTH)).join("\n")}\n`;
}
