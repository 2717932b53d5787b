/**
 * Work with more CPUs, and what switching a version under load costs it: both models, and restarting all workers.
 */
import { METER_KIND_SEEN, METER_KIND_STAMP } from "../../kernel/records.ts";
import type { LoadedPatch } from "../patch/patcher.ts";
import type { MeterRecord } from "../meter.ts";
import type { PatchModel } from "../toolchain/patch-format.ts";
import type { Effort, Outcome, Reading, Tools } from "./bench.ts";
import { figure, ratio } from "./figure.ts";
import { benchPatch, onMachine, spawnAll } from "./lab.ts";
import type { Lab } from "./lab.ts";
import { Restarter } from "./restart.ts";
import { measureSwitches, pauseMs } from "./switches.ts";
import type { Switcher } from "./switches.ts";

const CPUS = [1, 2, 4, 8, 16];
const CALLERS = [2, 8, 16];
const MODELS: readonly PatchModel[] = ["kpatch", "kgraft"];
const PAIRS: Readonly<Record<Effort["name"], number>> = { quick: 1, normal: 4, full: 40 };

export async function benchScale(effort: Effort, tools: Tools): Promise<Outcome> {
  const figures: Reading[] = [];
  const rates = new Map<number, number[]>();
  for (const cpus of CPUS.filter((count) => count <= effort.mostCpus)) {
    tools.say(`scale: mixed work on ${cpus} CPUs`);
    const samples = await mixedRates(cpus, effort, tools);
    rates.set(cpus, samples);
    figures.push(figure("scale.mixed", `${cpus} CPUs`, samples));
  }
  for (const [cpus, samples] of rates) {
    if (cpus >= 2) figures.push(ratio("scale.mixed_of_two", `${cpus} CPUs`, samples, rates.get(2) ?? []));
  }
  const pairs = PAIRS[effort.name];
  for (const callers of CALLERS.filter((count) => count <= effort.mostCpus)) {
    for (const model of MODELS) {
      tools.say(`scale: ${model} under ${callers} callers`);
      figures.push(...(await patching(model, callers, tools, (switcher) => measureSwitches(switcher, pairs, tools))));
    }
    tools.say(`scale: restart of ${callers} workers`);
    const restarter = await Restarter.open(callers);
    figures.push(...(await measureSwitches(restarter, pairs, tools).finally(() => restarter.close())));
  }
  tools.say("scale: throughput over time");
  const throughput = await patching("kpatch", PLOTTED_CALLERS, tools, (switcher) => overTime(switcher, effort));
  return {
    figures,
    notes: [
      `${pairs} pairs of half-second blocks each, real and sham in turn; the first switch of each is not counted`,
      "with more callers than cores `switch` is the operating system's scheduler: read `commit` and `world pause`",
      "restart: all workers are terminated, and started anew with the same kernel image over the same memory",
    ],
    throughput: { title: `calls on ${PLOTTED_CALLERS} CPUs, patched and unpatched under kpatch`, ...throughput },
  };
}

const MIX_ROUNDS = 200;
const MIXES = 7;

/** A mixer per CPU, a fixed amount each: rounds per second, first start to last end. */
async function mixedRates(cpus: number, effort: Effort, tools: Tools): Promise<number[]> {
  return onMachine({ cpus }, tools, async ({ machine, meter }) => {
    const rates = [];
    for (let round = -1; round < Math.min(MIXES, effort.rounds); round++) {
      meter.drain();
      const pids = await spawnAll(machine, "mixer", cpus, MIX_ROUNDS);
      for (const pid of pids) await machine.wait(pid);
      const stamps = meter
        .drain()
        .filter(({ kind }) => kind === METER_KIND_STAMP)
        .map(({ toNs }) => toNs);
      if (round >= 0) rates.push((cpus * MIX_ROUNDS * 1e9) / (Math.max(...stamps) - Math.min(...stamps)));
    }
    return rates;
  });
}

/** A machine with a caller per CPU, as something that switches. */
async function patching<T>(
  model: PatchModel,
  callers: number,
  tools: Tools,
  work: (switcher: Switcher) => Promise<T>,
): Promise<T> {
  return onMachine({ cpus: callers }, tools, async (lab) => {
    const patch = await lab.machine.load(await benchPatch(), { model });
    await lab.machine.disable(patch);
    await spawnAll(lab.machine, "caller", callers);
    return work(new PatchedMachine(lab, patch, callers));
  });
}

class PatchedMachine implements Switcher {
  readonly name: string;
  readonly callers: number;
  readonly #lab: Lab;
  readonly #patch: LoadedPatch;
  #enabled = false;
  #kept: MeterRecord[] = [];

  constructor(lab: Lab, patch: LoadedPatch, callers: number) {
    this.name = patch.model;
    this.callers = callers;
    this.#lab = lab;
    this.#patch = patch;
  }

  nowNs(): number {
    return this.#lab.machine.timeNs();
  }

  async switch(): Promise<{ askedNs: number; commitNs: number; seenNs: number }> {
    const { machine, meter } = this.#lab;
    this.#kept.push(...meter.drain());
    const askedNs = machine.timeNs();
    await (this.#enabled ? machine.disable(this.#patch) : machine.enable(this.#patch));
    this.#enabled = !this.#enabled;
    const commitNs = this.name === "kpatch" ? machine.stopTimes().decidedNs : machine.transitionTimes().overNs;
    const seen = new Map<number, number>();
    for (; ; await pauseMs(1)) {
      const records = meter.drain();
      this.#kept.push(...records);
      for (const { kind, what, toNs } of records) if (kind === METER_KIND_SEEN) seen.set(what, toNs);
      if (seen.size >= this.callers) return { askedNs, commitNs, seenNs: Math.max(...seen.values()) };
    }
  }

  drain(): MeterRecord[] {
    const records = [...this.#kept, ...this.#lab.meter.drain()];
    this.#kept = [];
    return records;
  }

  calls(): number {
    return this.#lab.meter.calls().reduce((sum, calls) => sum + calls, 0);
  }
}

const PLOTTED_CALLERS = 2;
const SAMPLE_MS = 10;
const SAMPLES = 100;
const SWITCH_SAMPLES = 25;

/** Calls per second in slices of 10 ms, with a switch now and then. */
async function overTime(
  switcher: Switcher,
  effort: Effort,
): Promise<{ points: (readonly [number, number])[]; switches: number[] }> {
  const points: (readonly [number, number])[] = [];
  const switches: number[] = [];
  const began = switcher.nowNs();
  const seconds = (ns: number): number => (ns - began) / 1e9;
  const samples = effort.name === "quick" ? SWITCH_SAMPLES * 2 : SAMPLES;
  let from = { at: began, calls: switcher.calls() };
  for (let sample = 1; sample <= samples; sample++) {
    await pauseMs(SAMPLE_MS);
    const to = { at: switcher.nowNs(), calls: switcher.calls() };
    points.push([seconds(to.at), ((to.calls - from.calls) / (to.at - from.at)) * 1e9]);
    from = to;
    if (sample % SWITCH_SAMPLES === 0 && sample < samples) switches.push(seconds((await switcher.switch()).askedNs));
  }
  return { points, switches };
}
