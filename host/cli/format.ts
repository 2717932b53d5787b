/**
 * Numbers and words for a terminal.
 *
 * Contract: no locale, so output is the same everywhere; colour only where it is wanted. Invariant: what is printed
 * fits 80 columns when its parts fit theirs.
 */

const PREFIXES = ["", "k", "M", "G"];

/** Three digits or so, with a prefix: 12.3 k. */
export function si(value: number): string {
  let rest = value;
  let prefix = 0;
  for (; rest >= 999.5 && prefix < PREFIXES.length - 1; prefix++) rest /= 1000;
  return `${rest < 10 ? rest.toFixed(2) : rest < 100 ? rest.toFixed(1) : rest.toFixed(0)} ${PREFIXES[prefix] ?? ""}`.trimEnd();
}

/** A time from nanoseconds: 4.21 µs. */
export function duration(ns: number): string {
  const [value, unit] =
    ns < 1e3 ? [ns, "ns"] : ns < 1e6 ? [ns / 1e3, "µs"] : ns < 1e9 ? [ns / 1e6, "ms"] : [ns / 1e9, "s"];
  return `${unit === "ns" ? value.toFixed(0) : value < 10 ? value.toFixed(2) : value.toFixed(1)} ${unit}`;
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** Rows as columns: the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart((widths[column] ?? 0) + 3)))
      .join("")
      .trimEnd(),
  );
}

/** Lines of whole words, none longer than `width` but for a word that is. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line && line.length + word.length + 1 > width) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  return line ? [...lines, line] : lines;
}

export type Paint = (colour: "green" | "red" | "bold", text: string) => string;

const CODES = { green: [32, 39], red: [31, 39], bold: [1, 22] } as const;

/** Colour on a terminal, unless NO_COLOR is set (no-color.org). */
export function painter(isTerminal: boolean, environment: Readonly<Record<string, string | undefined>>): Paint {
  if (!isTerminal || (environment["NO_COLOR"] ?? "") !== "") return (_, text) => text;
  return (colour, text) => `\u001b[${CODES[colour][0]}m${text}\u001b[${CODES[colour][1]}m`;
}
