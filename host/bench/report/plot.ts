/**
 * Plots as SVG text: axes, lines, marks, bars; nothing that needs a script or the network.
 *
 * Contract: gives one <svg> of fixed size, whose colours the page sets by class. Invariant: text is escaped, and what is not
 * a finite number is not drawn.
 */
export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** The floor or the control, drawn dashed. */
  readonly dashed?: boolean;
}

export interface Plot {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly Line[];
  /** Vertical marks, in units of x. */
  readonly marks?: readonly number[];
}

export interface Axis {
  readonly label: string;
  readonly scale: "linear" | "log";
  readonly ticks?: readonly number[];
  readonly show: (value: number) => string;
}

const WIDTH = 560;
const HEIGHT = 300;
const LEFT = 70;
const RIGHT = 150;
const TOP = 16;
const BOTTOM = 44;
const TICKS = 5;
/** Colours of the page's style sheet: s0 … s5. */
const COLOURS = 6;

export const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign] ?? sign);

export function renderPlot({ title, x, y, lines, marks = [] }: Plot): string {
  const points = lines.flatMap((line) => line.points).filter(([a, b]) => drawable(a, x) && drawable(b, y));
  if (points.length === 0) return "";
  const right = WIDTH - RIGHT;
  const bottom = HEIGHT - BOTTOM;
  const atX = placer(
    x,
    points.map(([a]) => a),
    LEFT,
    right,
  );
  const atY = placer(
    y,
    points.map(([, b]) => b),
    bottom,
    TOP,
  );
  const text = (left: number, top: number, words: string, anchor = "middle"): string =>
    `<text x="${round(left)}" y="${round(top)}" text-anchor="${anchor}">${escaped(words)}</text>`;
  const parts = [
    ...ticksOf(x, atX.domain).map((value) => {
      const left = round(atX.at(value));
      return `<line class="grid" x1="${left}" x2="${left}" y1="${TOP}" y2="${bottom}"/>${text(left, bottom + 16, x.show(value))}`;
    }),
    ...ticksOf(y, atY.domain).map((value) => {
      const top = round(atY.at(value));
      return `<line class="grid" x1="${LEFT}" x2="${right}" y1="${top}" y2="${top}"/>${text(LEFT - 6, top + 4, y.show(value), "end")}`;
    }),
    text((LEFT + right) / 2, HEIGHT - 8, x.label),
    text(LEFT, TOP - 5, y.label, "start"),
    ...marks.map((mark) => {
      const left = round(atX.at(mark));
      return `<line class="mark" x1="${left}" x2="${left}" y1="${TOP}" y2="${bottom}"/>`;
    }),
    ...lines.map((line, index) => {
      const path = line.points.filter(([a, b]) => drawable(a, x) && drawable(b, y));
      const dashes = line.dashed ? " dashed" : "";
      const coordinates = path.map(([a, b]) => `${round(atX.at(a))},${round(atY.at(b))}`).join(" ");
      const legend = TOP + 12 + index * 16;
      return (
        `<polyline class="s${index % COLOURS}${dashes}" points="${coordinates}"/>` +
        `<line class="s${index % COLOURS}${dashes}" x1="${right + 8}" x2="${right + 26}" y1="${legend - 4}" y2="${legend - 4}"/>` +
        text(right + 30, legend, line.name, "start")
      );
    }),
  ];
  return figureOf(title, HEIGHT, parts.join(""));
}

export interface Bar {
  readonly row: number;
  readonly from: number;
  readonly to: number;
  readonly what: string;
  readonly kind: number;
}

/** A row per CPU, time from left to right; a bar without length is a tick. */
export function renderTimeline(
  title: string,
  rows: readonly string[],
  bars: readonly Bar[],
  show: Axis["show"],
): string {
  const drawn = bars.filter(({ from, to }) => Number.isFinite(from) && Number.isFinite(to));
  if (drawn.length === 0) return "";
  const axis: Axis = { label: "", scale: "linear", show };
  const right = WIDTH - 20;
  const height = TOP + rows.length * 18 + BOTTOM;
  const x = placer(axis, [0, ...drawn.map(({ to }) => to)], LEFT + 20, right);
  const parts = [
    ...ticksOf(axis, x.domain).map(
      (value) =>
        `<line class="grid" x1="${round(x.at(value))}" x2="${round(x.at(value))}" y1="${TOP}" y2="${height - BOTTOM}"/>` +
        `<text x="${round(x.at(value))}" y="${height - BOTTOM + 16}" text-anchor="middle">${escaped(show(value))}</text>`,
    ),
    ...rows.map(
      (row, index) => `<text x="${LEFT + 14}" y="${TOP + index * 18 + 13}" text-anchor="end">${escaped(row)}</text>`,
    ),
    ...drawn.map(({ row, from, to, what, kind }) => {
      const width = Math.max(1.5, x.at(to) - x.at(from));
      const tip = `${what}: ${show(from)}${to > from ? ` to ${show(to)}` : ""}`;
      return `<rect class="b${kind}" x="${round(x.at(from))}" y="${TOP + row * 18 + 3}" width="${round(width)}" height="12"><title>${escaped(tip)}</title></rect>`;
    }),
    `<text x="${(LEFT + right) / 2}" y="${height - 8}" text-anchor="middle">since the request</text>`,
  ];
  return figureOf(title, height, parts.join(""));
}

function figureOf(title: string, height: number, body: string): string {
  const svg = `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">${body}</svg>`;
  return `<figure><figcaption>${escaped(title)}</figcaption>${svg}</figure>\n`;
}

const drawable = (value: number, { scale }: Axis): boolean =>
  Number.isFinite(value) && (scale === "linear" || value > 0);
const round = (value: number): number => Math.round(value * 10) / 10;

/** Where a value lies between two edges. */
function placer(
  { scale }: Axis,
  values: readonly number[],
  from: number,
  to: number,
): { at: (value: number) => number; domain: readonly [number, number] } {
  const of = scale === "log" ? Math.log10 : (value: number): number => value;
  const low = scale === "log" ? Math.min(...values) : Math.min(0, ...values);
  const high = Math.max(...values);
  const span = of(high) - of(low) || 1;
  return { at: (value) => from + ((of(value) - of(low)) / span) * (to - from), domain: [low, high] };
}

function ticksOf({ scale, ticks }: Axis, [low, high]: readonly [number, number]): number[] {
  if (ticks) return ticks.filter((tick) => tick >= low && tick <= high);
  if (scale === "log") {
    const first = Math.ceil(Math.log10(low));
    return Array.from({ length: Math.floor(Math.log10(high)) - first + 1 }, (_, power) => 10 ** (first + power));
  }
  const step = niceStep((high - low) / TICKS || 1);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, number) => (first + number) * step);
}

/** 1, 2 or 5 times a power of ten. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least) ?? power * 10;
}
