/**
 * The benches by name: what `wlp bench` runs, in this order. Adding one is a file and a row.
 */
import { MachineError } from "../errors.ts";
import type { Bench } from "./bench.ts";
import { benchBoot } from "./boot.ts";
import { benchBuild } from "./build.ts";
import { benchGraft } from "./graft.ts";
import { benchHook } from "./hook.ts";
import { benchScale } from "./scale.ts";
import { benchStop } from "./stop.ts";
import { benchSyscalls } from "./syscalls.ts";
import { benchTasks } from "./tasks.ts";

export const BENCHES: readonly Bench[] = [
  { name: "hook", summary: "a call, by what its slot holds; mixed work with and without slots", run: benchHook },
  { name: "syscalls", summary: "system calls by image, context switch, round trip, wake-up", run: benchSyscalls },
  { name: "tasks", summary: "processes made and buried; what ten thousand weigh", run: benchTasks },
  { name: "stop", summary: "kpatch: all CPUs stop, against the same in C and a bare barrier", run: benchStop },
  { name: "graft", summary: "kGraft: task by task, against one pointer store in C", run: benchGraft },
  { name: "scale", summary: "work with more CPUs; switches under load, against a restart of workers", run: benchScale },
  { name: "boot", summary: "a machine until it answers, a shell, a patch until it is enabled", run: benchBoot },
  { name: "build", summary: "everything from nothing, a patch", run: benchBuild },
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
