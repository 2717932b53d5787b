/**
 * kpatch's stop: how long it takes under load, against threads in C and a bare barrier of the engine's; on idle CPUs,
 * against that barrier; and what looking at many stacks adds.
 *
 * Each CPU runs a task that calls a small kernel function for ever. That function is patched and unpatched; machine and
 * floor take turns, a quarter of the events at a time. Stamps are the CPUs' own.
 */
import type { StopTimes } from "../patch/stop-times.ts";
import { Barrier } from "./barrier.ts";
import type { Effort, Outcome, Reading, Span, Tools } from "./bench.ts";
import { figure, ratio } from "./figure.ts";
import { Floor } from "./floor.ts";
import type { StopFloor } from "./floor.ts";
import { askAndSleep, benchPatch, deadline, onMachine, share, spawnAll, wholeStop } from "./lab.ts";
import type { Lab } from "./lab.ts";
import { checkGrowth } from "./stack-check.ts";

const CPUS = [1, 2, 4, 8, 16];
const TURNS = 4;
/** Stops that are not counted, at most: engines compile what runs often, on threads that take a core from a CPU. */
const WARM_UP = 300;
/** Part of the time of one number of CPUs for them. */
const WARM_UP_SHARE = 0.3;
const IDLE_WARM_UP = 4;
const IDLE_CPUS = 4;
/** Of the bare barrier of busy workers, at most. */
const BARRIER_ROUNDS = 100;
/** Part of the bench's time for the loaded stops; the rest is for idle CPUs and stacks. */
const LOADED_SHARE = 0.85;
const PAUSE_S = 0.002;

/** Samples, ns. */
interface Stops {
  readonly commit: number[];
  readonly stopped: number[];
  readonly standstill: number[];
  readonly blackout: number[];
  /** From the host's call to the kernel's own request. */
  readonly request: number[];
}
const noStops = (): Stops => ({ commit: [], stopped: [], standstill: [], blackout: [], request: [] });

export async function benchStop(effort: Effort, tools: Tools): Promise<Outcome> {
  const floor = await Floor.open();
  const cpus = CPUS.filter((count) => count <= effort.mostCpus);
  const figures: Reading[] = [];
  let timeline: Outcome["timeline"];
  try {
    const end = performance.now() + effort.seconds * LOADED_SHARE * 1000;
    for (const [index, count] of cpus.entries()) {
      tools.say(`stop: ${count} busy CPUs`);
      const seconds = share(end, cpus.slice(index));
      const { stops, floors, last } = await loaded(count, effort.events, seconds, floor, tools);
      figures.push(...loadedFigures(count, stops, floors), ...(await engine(count, effort, stops)));
      timeline = { title: `a stop of ${count} busy CPUs`, cpus: count, spans: spansOf(last) };
    }
  } finally {
    if (floor instanceof Floor) await floor.close();
  }
  tools.say("stop: idle CPUs");
  figures.push(...(await idle(effort, tools)));
  figures.push(...(await checkGrowth(effort, tools)));
  return {
    figures,
    notes: [
      `machine and floor in turns, ${TURNS} each; the first ${WARM_UP} stops of a machine, or ${WARM_UP_SHARE * 100} % of its time, are not counted`,
      "on busy CPUs that share a core the tail is the operating system's scheduler, on both sides",
      ...(typeof floor === "string" ? [`floor ${floor}`] : []),
    ],
    ...(timeline ? { timeline } : {}),
  };
}

async function loaded(
  cpus: number,
  events: number,
  seconds: number,
  floor: Floor | string,
  tools: Tools,
): Promise<{ stops: Stops; floors: StopFloor; last: StopTimes }> {
  const stops = noStops();
  const floors = {
    commit: [] as number[],
    stopped: [] as number[],
    standstill: [] as number[],
    blackout: [] as number[],
  };
  const part = Math.ceil(events / TURNS);
  const last = await onMachine({ cpus }, tools, async (lab) => {
    let times = lab.machine.stopTimes();
    const patch = await lab.machine.load(await benchPatch(), { model: "kpatch" });
    await lab.machine.disable(patch);
    const late = deadline(seconds);
    for (let turn = 0; turn < TURNS; turn++) {
      const pids = await spawnAll(lab.machine, "caller", cpus);
      if (turn === 0) await stopOften(lab, patch, WARM_UP, noStops(), deadline(seconds * WARM_UP_SHARE));
      times = await stopOften(lab, patch, part, stops, late);
      for (const pid of pids) await lab.machine.kill(pid);
      for (const pid of pids) await lab.machine.wait(pid);
      if (typeof floor === "string") continue;
      const { commit, stopped, standstill, blackout } = await floor.stop(cpus, part, tools.signal);
      floors.commit.push(...commit);
      floors.stopped.push(...stopped);
      floors.standstill.push(...standstill);
      floors.blackout.push(...blackout);
    }
    return times;
  });
  return { stops, floors, last };
}

/** Patches and unpatches, a stop each; the stamps of the last one. */
async function stopOften(
  { machine }: Lab,
  patch: Parameters<Lab["machine"]["enable"]>[0],
  count: number,
  into: Stops,
  late: () => boolean,
): Promise<StopTimes> {
  let last = machine.stopTimes();
  for (let done = 0; done < count && !late(); done += 2) {
    for (const step of [machine.enable, machine.disable]) {
      await machine.run(PAUSE_S);
      const asked = machine.timeNs();
      await askAndSleep(() => step.call(machine, patch));
      last = await wholeStop(machine);
      note(last, asked, into);
    }
  }
  return last;
}

function note(times: StopTimes, hostAskedNs: number, into: Stops): void {
  into.request.push(times.askedNs - hostAskedNs);
  into.commit.push(times.decidedNs - times.askedNs);
  into.stopped.push(Math.max(...times.cpus.map(({ stoppedNs }) => stoppedNs)) - times.askedNs);
  into.standstill.push(times.standstillNs);
  into.blackout.push(Math.max(...times.cpus.map(({ stoppedNs, leftNs }) => leftNs - stoppedNs)));
}

function loadedFigures(cpus: number, stops: Stops, floors: StopFloor): Reading[] {
  const at = `${cpus} CPUs`;
  return [
    figure("stop.commit", at, stops.commit),
    figure("floor.stop.commit", at, floors.commit),
    ratio("stop.commit_of_floor", at, stops.commit, floors.commit),
    ratio("stop.commit_of_floor", at, stops.commit, floors.commit, "p99"),
    figure("stop.stopped", at, stops.stopped),
    figure("floor.stop.stopped", at, floors.stopped),
    figure("stop.standstill", at, stops.standstill),
    figure("floor.stop.standstill", at, floors.standstill),
    ratio("stop.standstill_of_floor", at, stops.standstill, floors.standstill),
    figure("stop.blackout", at, stops.blackout),
    figure("floor.stop.blackout", at, floors.blackout),
    figure("stop.request", at, stops.request),
  ];
}

/** What the same number of this engine's threads takes to meet, with no machine at all. */
async function engine(cpus: number, effort: Effort, stops: Stops): Promise<Reading[]> {
  const barrier = await Barrier.open(cpus, { busy: true });
  try {
    await barrier.rounds(IDLE_WARM_UP);
    const commit = (await barrier.rounds(Math.min(BARRIER_ROUNDS, effort.events))).map(({ commitNs }) => commitNs);
    const at = `${cpus} CPUs`;
    return [figure("barrier.commit", at, commit), ratio("stop.commit_of_barrier", at, stops.commit, commit)];
  } finally {
    await barrier.close();
  }
}

function spansOf({ askedNs, decidedNs, cpus }: StopTimes): Span[] {
  return [
    ...cpus.flatMap(({ stoppedNs, leftNs }, cpu) => [
      { cpu, what: "runs on", fromNs: 0, toNs: stoppedNs - askedNs },
      { cpu, what: "stopped", fromNs: stoppedNs - askedNs, toNs: leftNs - askedNs },
    ]),
    { cpu: cpus.length, what: "decided", fromNs: decidedNs - askedNs, toNs: decidedNs - askedNs },
  ];
}

/** Idle CPUs must be woken: the barrier wakes as many workers of the same engine, and nothing else. */
async function idle(effort: Effort, tools: Tools): Promise<Reading[]> {
  const stops = noStops();
  const standstill: number[] = [];
  const round: number[] = [];
  const barrier = await Barrier.open(IDLE_CPUS);
  try {
    await onMachine({ cpus: IDLE_CPUS }, tools, async (lab) => {
      const patch = await lab.machine.load(await benchPatch(), { model: "kpatch" });
      await lab.machine.disable(patch);
      await stopOften(lab, patch, IDLE_WARM_UP, noStops(), () => false);
      for (let turn = 0; turn < TURNS; turn++) {
        const part = Math.ceil(effort.events / TURNS);
        await stopOften(lab, patch, part, stops, () => false);
        for (const times of await barrier.rounds(part)) {
          standstill.push(times.standstillNs);
          round.push(times.roundNs);
        }
      }
    });
  } finally {
    await barrier.close();
  }
  const at = `${IDLE_CPUS} idle CPUs`;
  return [
    figure("stop.standstill", at, stops.standstill),
    figure("stop.commit", at, stops.commit),
    figure("barrier.standstill", at, standstill),
    figure("barrier.round", at, round),
    ratio("stop.standstill_of_barrier", at, stops.standstill, standstill),
  ];
}
