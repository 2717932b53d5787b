/**
 * The report: one HTML page with all figures, their bounds, and plots; opens from a file, needs no network.
 *
 * Contract: everything comes from the document, so that an old bench.json can be drawn again. Invariant: no script,
 * no link to anything outside; text of the document is escaped.
 */
import { decodeFromCompressedBase64 } from "hdr-histogram-js";
import { boundText } from "../bounds.ts";
import type { BenchDocument, BenchReport } from "../document.ts";
import { HISTOGRAM_SCALE } from "../figure.ts";
import type { Figure } from "../figure.ts";
import type { MetricName } from "../metrics.ts";
import { percentile, sorted } from "../statistics.ts";
import { escaped, renderPlot, renderTimeline } from "./plot.ts";
import type { Axis, Line } from "./plot.ts";
import { STYLE } from "./style.ts";

export type Show = (value: number, unit: Figure["unit"]) => string;

/** Pairs of metrics whose distributions are drawn together: what was measured, and what it is held against. */
const DISTRIBUTIONS: readonly { readonly title: string; readonly own: MetricName; readonly base: MetricName }[] = [
  { title: "kpatch: request to commit, and the floor", own: "stop.commit", base: "floor.stop.commit" },
  { title: "kpatch: standstill, and the floor", own: "stop.standstill", base: "floor.stop.standstill" },
  { title: "kGraft: request to the last task over, and the floor", own: "graft.over", base: "floor.store.seen" },
  { title: "kGraft: longest gap per CPU and window, and sham windows", own: "graft.gap", base: "graft.gap_sham" },
];
/** Nines: each step to the right is ten times rarer. */
const PARTS = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999];
const rarity = (part: number): number => 1 / (1 - part);
const CPUS = /^(\d+) CPUs$/;

export function renderPage(document: BenchDocument, show: Show): string {
  const { environment: where, effort, bounds, benches } = document;
  const facts = [
    `wasm-livepatch ${where.package}${where.revision === undefined ? "" : ` at ${where.revision}`}`,
    `Node ${where.node}, V8 ${where.v8}${where.flags.map((flag) => ` ${flag}`).join("")}, ${where.platform}`,
    `${where.cores} cores (${where.processor}), load ${where.loadAverage.join(" ")}`,
    `${where.date}, effort ${effort.name}`,
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>wlp bench</title><style>${STYLE}</style></head><body>
<h1>What live patching costs</h1>
<p>${facts.map(escaped).join("<br>")}</p>
<p>${bounds.met} bounds met, ${bounds.missed} missed. Each figure is defined in docs/metrics.md. p99 of fewer than 100
samples is their maximum. Intervals hold p50 (of quotients: the statistic shown) with 95 %.</p>
<div class="plots">
${plots(benches, show)}</div>
${benches.map((report) => section(report, show)).join("")}</body></html>
`;
}

const isFigure = (reading: BenchReport["figures"][number]): reading is Figure => "value" in reading;

function plots(benches: readonly BenchReport[], show: Show): string {
  const figures = benches.flatMap((report) => report.figures).filter(isFigure);
  const time: Axis = { label: "", scale: "log", show: (ns) => show(ns, "ns") };
  return [
    ...DISTRIBUTIONS.map(({ title, own, base }) =>
      renderPlot({
        title,
        x: {
          label: "percentile",
          scale: "log",
          ticks: [1, 2, 10, 100, 1000],
          show: (value) => `p${Number((100 - 100 / value).toFixed(1))}`,
        },
        y: time,
        lines: figures
          .filter(({ metric, at }) => (metric === own || metric === base) && CPUS.test(at))
          .toSorted((left, right) => cpusOf(left) - cpusOf(right))
          .map((figure) => distribution(figure, figure.metric === base)),
      }),
    ),
    renderPlot({
      title: "standstill of all CPUs against their number",
      x: { label: "busy CPUs", scale: "log", ticks: [1, 2, 4, 8, 16], show: (cpus) => `${cpus}` },
      y: time,
      lines: (["stop.standstill", "floor.stop.standstill"] as const).flatMap((metric) =>
        (["p50", "p99"] as const).map((part): Line => ({
          name: `${metric === "stop.standstill" ? "kpatch" : "floor"} ${part}`,
          dashed: metric !== "stop.standstill",
          points: figures
            .filter((figure) => figure.metric === metric && CPUS.test(figure.at))
            .map((figure) => [cpusOf(figure), figure.spread?.[part] ?? NaN] as const),
        })),
      ),
    }),
    ...benches.flatMap(({ throughput }) =>
      throughput
        ? [
            renderPlot({
              title: `${throughput.title}; each mark is a switch`,
              x: { label: "seconds", scale: "linear", show: (value) => `${Number(value.toFixed(2))}` },
              y: { label: "", scale: "linear", show: (value) => show(value, "per second") },
              lines: [{ name: "calls", points: throughput.points }],
              marks: throughput.switches,
            }),
          ]
        : [],
    ),
    ...benches.flatMap(({ timeline }) => (timeline ? [timelineOf(timeline, show)] : [])),
  ].join("");
}

const cpusOf = ({ at }: Figure): number => Number(CPUS.exec(at)?.[1] ?? NaN);

function distribution(figure: Figure, dashed: boolean): Line {
  const name = `${dashed ? "against, " : ""}${figure.at}`;
  const at = percentiles(figure);
  const parts = PARTS.filter((part) => part <= 1 - 1 / figure.n);
  return { name, dashed, points: parts.map((part) => [rarity(part), at(part)] as const) };
}

function percentiles({ samples, histogram }: Figure): (part: number) => number {
  if (histogram !== undefined) {
    const decoded = decodeFromCompressedBase64(histogram);
    return (part) => decoded.getValueAtPercentile(part * 100) / HISTOGRAM_SCALE;
  }
  const ascending = sorted(samples ?? []);
  return (part) => percentile(ascending, part);
}

function timelineOf({ title, cpus, spans }: NonNullable<BenchReport["timeline"]>, show: Show): string {
  const rows = [...Array.from({ length: cpus }, (_, cpu) => `CPU ${cpu}`), "all"];
  const kinds = [...new Set(spans.map(({ what }) => what.replace(/\d+/, "")))];
  return renderTimeline(
    title,
    rows,
    spans.map(({ cpu, what, fromNs, toNs }) => ({
      row: cpu,
      from: fromNs,
      to: toNs,
      what,
      kind: kinds.indexOf(what.replace(/\d+/, "")) % 4,
    })),
    (ns) => show(ns, "ns"),
  );
}

function section({ bench, seconds, figures, notes }: BenchReport, show: Show): string {
  const rows = figures.map((reading) => {
    const name = `<td>${escaped(reading.metric)}</td><td>${escaped(reading.at)}</td>`;
    if (!isFigure(reading)) return `<tr>${name}<td colspan="7">absent: ${escaped(reading.absent)}</td></tr>`;
    const { unit, statistic, value, spread, interval, n, bound, met } = reading;
    const cells = (["p50", "p90", "p99", "max"] as const).map((part) =>
      spread ? show(spread[part], unit) : part === statistic ? show(value, unit) : "",
    );
    const range = interval.map((edge) => show(edge, unit)).join(" – ");
    const verdict = bound
      ? `<td class="${met ? "ok" : "not"}">${met ? "met" : "missed"}: ${escaped(boundText(bound, (limit) => show(limit, unit)))}</td>`
      : "<td></td>";
    return `<tr>${name}${[...cells, range, `${n}`].map((cell) => `<td>${escaped(cell)}</td>`).join("")}${verdict}</tr>`;
  });
  const head = ["metric", "at", "p50", "p90", "p99", "max", "95 %", "n", "bound"].map((cell) => `<th>${cell}</th>`);
  return `<h2>${escaped(bench)}, ${seconds.toFixed(1)} s</h2>
<table><thead><tr>${head.join("")}</tr></thead><tbody>
${rows.join("\n")}
</tbody></table>
<ul>${notes.map((note) => `<li>${escaped(note)}</li>`).join("")}</ul>
`;
}
