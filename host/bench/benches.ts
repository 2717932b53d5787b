/**
 * The benches by name: what `wlp bench` runs, in this order. Adding one is a file and a row.
 */
import { MachineError } from "../errors.ts";
import type { Bench } from "./bench.ts";
import { benchGraft } from "./graft.ts";
import { benchStop } from "./stop.ts";

export const BENCHES: readonly Bench[] = [
  { name: "stop", summary: "kpatch: all CPUs stop, against the same in C and a bare barrier", run: benchStop },
  { name: "graft", summary: "kGraft: task by task, against one pointer store in C", run: benchGraft },
];

export function findBenches(name: string | undefined): readonly Bench[] {
  if (name === undefined) return BENCHES;
  const found = BENCHES.filter((bench) => bench.name === name);
  if (found.length > 0) return found;
  const names = BENCHES.map((bench) => bench.name).join(", ");
  throw new MachineError(
    "BAD_USAGE",
    `there is no benchmark ${name}`,
    `Take one of ${names}, or none for all in turn.`,
  );
}
