/**
 * How long a machine takes to come up, and a patch's bytes to be enabled on it.
 */
import { Machine } from "../machine.ts";
import type { PatchModel } from "../toolchain/patch-format.ts";
import type { Effort, Outcome, Reading, Tools } from "./bench.ts";
import { benchConsole } from "./console.ts";
import { figure } from "./figure.ts";
import { benchPatch, onMachine, spawnAll } from "./lab.ts";

const CPUS = [1, 4, 16];
const PATCHED_CPUS = 4;
const MODELS: readonly PatchModel[] = ["kpatch", "kgraft"];

export async function benchBoot(effort: Effort, tools: Tools): Promise<Outcome> {
  const figures: Reading[] = [];
  for (const cpus of CPUS.filter((count) => count <= Math.max(4, effort.mostCpus))) {
    tools.say(`boot: ${cpus} CPUs`);
    figures.push(figure("boot.ready", `${cpus} CPUs`, await boots(cpus, effort, tools)));
  }
  for (const busy of [false, true]) figures.push(...(await loads(busy, effort, tools)));
  figures.push(...(await benchConsole(effort, tools)));
  return {
    figures,
    notes: [
      "the first boot and the first loads are not counted; a patch is read once, and loaded from its bytes",
      "boot.shell and exec.true are processes: Node's start is in the first, taken off the second",
    ],
  };
}

async function boots(cpus: number, { rounds }: Effort, { signal }: Tools): Promise<number[]> {
  const samples = [];
  for (let round = -1; round < rounds; round++) {
    const started = performance.now();
    const machine = await Machine.boot({ cpus }, { signal });
    const ns = (performance.now() - started) * 1e6;
    await machine.shutdown();
    if (round >= 0) samples.push(ns);
  }
  return samples;
}

/** One model in, out, unloaded, then the other. */
async function loads(busy: boolean, { rounds }: Effort, tools: Tools): Promise<Reading[]> {
  tools.say(`boot: patches on ${PATCHED_CPUS} CPUs`);
  const bytes = await benchPatch();
  return onMachine({ cpus: PATCHED_CPUS }, tools, async ({ machine }) => {
    if (busy) await spawnAll(machine, "caller", PATCHED_CPUS);
    const samples = MODELS.map((): number[] => []);
    for (let round = -1; round < rounds; round++) {
      for (const [index, model] of MODELS.entries()) {
        const started = performance.now();
        const patch = await machine.load(bytes, { model });
        const ns = (performance.now() - started) * 1e6;
        await machine.disable(patch);
        await machine.unload(patch);
        if (round >= 0) samples[index]?.push(ns);
      }
    }
    const where = `${PATCHED_CPUS} ${busy ? "busy " : ""}CPUs`;
    return MODELS.map((model, index) => figure("patch.enabled", `${model}, ${where}`, samples[index] ?? []));
  });
}
