/**
 * What a process costs: to make, end and bury it on one CPU; and what ten thousand of them weigh while they sleep.
 */
import { METER_KIND_STAMP } from "../../kernel/records.ts";
import { MachineError } from "../errors.ts";
import type { Machine } from "../machine.ts";
import type { Effort, Outcome, Reading, Tools } from "./bench.ts";
import { figure } from "./figure.ts";
import { crowd, onMachine } from "./lab.ts";
import type { Crowd } from "./lab.ts";

const SPAWNS = 5000;
const MEMORY_MIB = 512;
const CROWDS = 3;

export async function benchTasks(effort: Effort, tools: Tools): Promise<Outcome> {
  return {
    figures: [
      await spawns(effort, tools),
      await weight("throng", "tasks of one process", effort, tools),
      await weight("crowd", "processes", effort, tools),
    ],
    notes: [
      `${SPAWNS} processes per sample, one after the other, the first sample not counted`,
      "weight: what MemFree of /proc/meminfo falls by, from the first of them to all asleep in a read; a process has a window of its own",
    ],
  };
}

async function spawns({ rounds }: Effort, tools: Tools): Promise<Reading> {
  tools.say("tasks: made, ended and buried");
  return onMachine({ cpus: 1 }, tools, async ({ machine, meter }) => {
    const samples = [];
    for (let round = -1; round < rounds; round++) {
      const status = await machine.wait(await machine.spawn("burier", SPAWNS));
      if (status !== 0) {
        throw new MachineError("CALL_FAILED", `burier ended with ${status}`, "Run npm test: the kernel is at fault.");
      }
      const [from, to] = meter.drain().filter(({ kind }) => kind === METER_KIND_STAMP);
      if (round >= 0 && from && to) samples.push((to.toNs - from.toNs) / SPAWNS);
    }
    return figure("task.spawn", "one CPU", samples);
  });
}

async function weight(program: Crowd, what: string, effort: Effort, tools: Tools): Promise<Reading> {
  const tasks = effort.mostTasks;
  const samples = [];
  for (let time = 0; time < Math.min(CROWDS, effort.rounds); time++) {
    tools.say(`tasks: ${tasks} ${what} asleep`);
    samples.push(
      await onMachine({ cpus: 1, memoryMiB: MEMORY_MIB }, tools, async (lab) => {
        const before = await freeBytes(lab.machine);
        await crowd(lab, tasks, program);
        return before - (await freeBytes(lab.machine));
      }),
    );
  }
  return figure("task.memory", `${tasks} ${what}`, samples);
}

async function freeBytes(machine: Machine): Promise<number> {
  const line = /^MemFree: +(\d+) kB$/m.exec(await machine.read("/proc/meminfo"));
  return Number(line?.[1]) * 1024;
}
