/**
 * Claims as text: the sentence, where it stands, what was done and seen, the verdict.
 *
 * Contract: 80 columns; what an observation says is printed as it stands, and one that contradicts is marked.
 */
import type { ClaimReport } from "../claims/claim.ts";
import type { Paint } from "./format.ts";
import { wrap } from "./format.ts";

const WIDTH = 80;
const INDENT = 10;

export function renderClaim(report: ClaimReport, paint: Paint): string {
  const { name, sentence, source, machine, observations, verdict } = report;
  const { platform, cpus, seed } = machine;
  const where = `${cpus} CPUs (${platform}${platform === "stepped" ? `, seed ${seed}` : ""})`;
  return [
    paint("bold", `claim ${name}`),
    ...item("", sentence),
    ...item("source", source),
    ...item("where", where),
    ...observations.flatMap(({ did, seen, asClaimed }) => [
      ...item("did", did),
      ...item(asClaimed ? "seen" : "BUT", seen),
    ]),
    verdict === "confirmed" ? paint("green", verdict) : paint("red", verdict.toUpperCase()),
    "",
    "",
  ].join("\n");
}

/** A word, and beside it lines of text. */
function item(word: string, text: string): string[] {
  return wrap(text, WIDTH - INDENT).map((line, n) => `${(n === 0 ? `  ${word}` : "").padEnd(INDENT)}${line}`.trimEnd());
}
