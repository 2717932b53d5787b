/**
 * What looking at every stack costs within a stop: tasks asleep in a read, 1,000 to 10,000 of them, on one CPU.
 *
 * From the last CPU's arrival to its decision, for a function that may sleep: for others no stack is looked at. Growth
 * compares the cost per task of the most with that of the fewest.
 */
import type { Effort, Reading, Tools } from "./bench.ts";
import { figure, ratio } from "./figure.ts";
import { benchPatch, crowd, onMachine, wholeStop } from "./lab.ts";

const TASKS = [1000, 5000, 10_000];
const MEMORY_MIB = 512;
const STOPS = 20;

export async function checkGrowth(effort: Effort, tools: Tools): Promise<Reading[]> {
  const counts = TASKS.map((tasks) => Math.ceil((tasks * effort.mostTasks) / 10_000));
  const perTask: number[][] = [];
  const figures: Reading[] = [];
  for (const tasks of counts) {
    tools.say(`stop: ${tasks} sleeping tasks`);
    const samples = await check(tasks, Math.min(STOPS, effort.events), tools);
    figures.push(figure("stop.check", `${tasks} tasks`, samples));
    perTask.push(samples.map((ns) => ns / tasks));
  }
  const at = `${counts.at(-1)} tasks, of ${counts[0]}`;
  return [...figures, ratio("stop.check_growth", at, perTask.at(-1) ?? [], perTask[0] ?? [])];
}

async function check(tasks: number, stops: number, tools: Tools): Promise<number[]> {
  return onMachine({ cpus: 1, memoryMiB: MEMORY_MIB }, tools, async (lab) => {
    await crowd(lab, tasks);
    const samples: number[] = [];
    const { machine } = lab;
    const patch = await machine.load(await benchPatch("dirty-pipe"), { model: "kpatch" });
    for (let done = 0; done < stops; done++) {
      await (done % 2 === 0 ? machine.disable(patch) : machine.enable(patch));
      const { decidedNs, cpus } = await wholeStop(machine);
      samples.push(decidedNs - Math.max(...cpus.map(({ stoppedNs }) => stoppedNs)));
    }
    return samples;
  });
}
