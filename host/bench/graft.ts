/**
 * kGraft's transition while every task enters the kernel all the time: how long until the last task is over, and what
 * the CPUs notice of it.
 *
 * Each CPU has a task that calls a small kernel function for ever. Real windows (a transition in or out) alternate with
 * sham windows of the same length in which nothing is done. The floor is one atomic store of a pointer in C, until the
 * last thread has seen it. Stamps are the CPUs' own.
 */
import { METER_KIND_MOVED } from "../../kernel/records.ts";
import type { LoadedPatch } from "../patch/patcher.ts";
import type { TransitionTimes } from "../patch/transition-times.ts";
import type { Effort, Outcome, Reading, Span, Tools } from "./bench.ts";
import { figure, ratio } from "./figure.ts";
import { Floor } from "./floor.ts";
import { longestGaps } from "./gaps.ts";
import { askAndSleep, benchPatch, deadline, onMachine, share, spawnAll } from "./lab.ts";
import type { Lab } from "./lab.ts";

const CPUS = [2, 4, 8, 16];
const TURNS = 4;
const WARM_UP = 2;
/** Transitions that are not counted before all, at most, and the part of the time for them: engines compile. */
const FIRST_WARM_UP = 300;
const WARM_UP_SHARE = 0.3;

interface Transitions {
  readonly over: number[];
  readonly stubs: number[];
  readonly done: number[];
  readonly request: number[];
  readonly task: number[];
  /** One per CPU and window. */
  readonly gap: number[];
  readonly sham: number[];
}
const noTransitions = (): Transitions => ({ over: [], stubs: [], done: [], request: [], task: [], gap: [], sham: [] });

export async function benchGraft(effort: Effort, tools: Tools): Promise<Outcome> {
  const floor = await Floor.open();
  const counts = CPUS.filter((count) => count <= effort.mostCpus);
  const figures: Reading[] = [];
  let timeline: Outcome["timeline"];
  try {
    const end = performance.now() + effort.seconds * 1000;
    for (const [index, cpus] of counts.entries()) {
      tools.say(`graft: ${cpus} busy CPUs`);
      const { taken, seen, commit, spans } = await transitions(
        cpus,
        effort.events,
        share(end, counts.slice(index)),
        floor,
        tools,
      );
      figures.push(...figuresOf(cpus, taken, { seen, commit }));
      timeline = { title: `a transition on ${cpus} busy CPUs`, cpus, spans };
    }
  } finally {
    if (floor instanceof Floor) await floor.close();
  }
  return {
    figures,
    notes: [
      `real and sham windows in turns, machine and floor in ${TURNS} turns; the first ${WARM_UP} transitions of a turn are not counted, nor the first ${FIRST_WARM_UP} of all, or ${WARM_UP_SHARE * 100} % of the time`,
      "fewer windows than 1,000 where time ran out: see n, which counts windows times CPUs for gaps",
      ...(typeof floor === "string" ? [`floor ${floor}`] : []),
    ],
    ...(timeline ? { timeline } : {}),
  };
}

async function transitions(
  cpus: number,
  events: number,
  seconds: number,
  floor: Floor | string,
  tools: Tools,
): Promise<{ taken: Transitions; seen: number[]; commit: number[]; spans: Span[] }> {
  const taken = noTransitions();
  const seen: number[] = [];
  const commit: number[] = [];
  let spans: Span[] = [];
  await onMachine({ cpus }, tools, async (lab) => {
    const { machine } = lab;
    const patch = await machine.load(await benchPatch(), { model: "kgraft" });
    await machine.disable(patch);
    const late = deadline(seconds);
    const warm = deadline(seconds * WARM_UP_SHARE);
    const part = Math.ceil(events / TURNS);
    for (let turn = 0; turn < TURNS && (turn === 0 || !late()); turn++) {
      const pids = await spawnAll(machine, "caller", cpus);
      if (turn === 0) await transit(lab, patch, FIRST_WARM_UP, cpus, noTransitions(), warm);
      await transit(lab, patch, WARM_UP, cpus, noTransitions(), () => false); // until its first call a CPU is in a gap
      spans = await transit(lab, patch, part, cpus, taken, late);
      for (const pid of pids) await machine.kill(pid);
      for (const pid of pids) await machine.wait(pid);
      if (typeof floor === "string") continue;
      const stores = await floor.store(cpus, part, tools.signal);
      seen.push(...stores.seen);
      commit.push(...stores.commit);
    }
  });
  return { taken, seen, commit, spans };
}

/** Transitions in and out, each followed by a sham window of its length; the timeline of the last. At least one. */
async function transit(
  { machine, meter }: Lab,
  patch: LoadedPatch,
  count: number,
  cpus: number,
  into: Transitions,
  late: () => boolean,
): Promise<Span[]> {
  let spans: Span[] = [];
  for (let done = 0; done < count && (done === 0 || !late()); done += 2) {
    for (const step of [machine.enable, machine.disable]) {
      meter.drain();
      const asked = machine.timeNs();
      await askAndSleep(() => step.call(machine, patch));
      const times = machine.transitionTimes();
      const real = { fromNs: times.askedNs, toNs: times.doneNs };
      await machine.run(SETTLE_S); // a gap is noted when it is over
      const records = meter.drain();
      const moved = records.filter(({ kind }) => kind === METER_KIND_MOVED);
      into.request.push(times.askedNs - asked);
      into.stubs.push(times.flipNs - times.askedNs);
      into.over.push(times.overNs - times.askedNs);
      into.done.push(times.doneNs - times.askedNs);
      into.task.push(...moved.map(({ fromNs, toNs }) => toNs - fromNs));
      into.gap.push(...longestGaps(records, real, cpus));
      spans = spansOf(times, moved, cpus);

      const fromNs = machine.timeNs();
      await machine.run((real.toNs - real.fromNs) / 1e9);
      const sham = { fromNs, toNs: fromNs + real.toNs - real.fromNs };
      await machine.run(SETTLE_S);
      into.sham.push(...longestGaps(meter.drain(), sham, cpus));
    }
  }
  return spans;
}
const SETTLE_S = 0.005;

function figuresOf(cpus: number, taken: Transitions, floors: { seen: number[]; commit: number[] }): Reading[] {
  const at = `${cpus} CPUs`;
  return [
    figure("graft.over", at, taken.over),
    figure("floor.store.seen", at, floors.seen),
    ratio("graft.over_of_floor", at, taken.over, floors.seen),
    figure("floor.store.commit", at, floors.commit),
    figure("graft.stubs", at, taken.stubs),
    figure("graft.done", at, taken.done),
    figure("graft.task", at, taken.task),
    figure("graft.request", at, taken.request),
    figure("graft.gap", at, taken.gap),
    figure("graft.gap_sham", at, taken.sham),
    ratio("graft.gap_of_sham", at, taken.gap, taken.sham, "p99"),
  ];
}

function spansOf(
  times: TransitionTimes,
  moved: readonly { readonly cpu: number; readonly what: number; readonly toNs: number }[],
  cpus: number,
): Span[] {
  const { askedNs } = times;
  const since = (ns: number): number => ns - askedNs;
  return [
    { cpu: cpus, what: "marking and stubs", fromNs: 0, toNs: since(times.flipNs) },
    { cpu: cpus, what: "tasks move", fromNs: since(times.flipNs), toNs: since(times.overNs) },
    { cpu: cpus, what: "settling", fromNs: since(times.overNs), toNs: since(times.doneNs) },
    ...moved.map(({ cpu, what, toNs }) => ({
      cpu,
      what: `task ${what} moved`,
      fromNs: since(toNs),
      toNs: since(toNs),
    })),
  ];
}
