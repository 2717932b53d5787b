/**
 * Switching a function's version under load, whatever the mechanism: blocks with switches, blocks with sham windows.
 *
 * The definitions of docs/metrics.md, in one place, so that live patching and its alternatives are measured alike: one
 * switch each 10 ms, or back to back where one takes longer, and never before every caller has seen the last.
 */
import type { MeterRecord } from "../meter.ts";
import type { Reading, Tools } from "./bench.ts";
import { figure } from "./figure.ts";
import { longestGaps, worldPause } from "./gaps.ts";
import type { Window } from "./gaps.ts";

/** Something that can switch all its callers to the other version. */
export interface Switcher {
  readonly name: string;
  readonly callers: number;
  nowNs(): number;
  /** Resolves when every caller has completed a call of the other version. */
  switch(): Promise<{ readonly askedNs: number; readonly commitNs: number; readonly seenNs: number }>;
  /** Records of gaps since the last time. */
  drain(): readonly MeterRecord[];
  /** Calls so far, of all callers. */
  calls(): number;
}

const BLOCK_MS = 500;
const PERIOD_MS = 10;
/** A gap is noted when it is over. */
const SETTLE_MS = 40;
const MS = 1e6;

interface Block {
  readonly windows: readonly Window[];
  readonly records: readonly MeterRecord[];
  readonly elapsedNs: number;
  readonly rate: number;
}

interface Taken {
  readonly switch: number[];
  readonly commit: number[];
  readonly pause: number[];
  readonly shamPause: number[];
  readonly world: number[];
  readonly shamWorld: number[];
  readonly dip: number[];
  readonly lost: number[];
  /** Calls per second without switches. */
  readonly calls: number[];
}

export const pauseMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

/** Pairs of blocks, real and sham in turn; the first switch is not counted. */
export async function measureSwitches(switcher: Switcher, pairs: number, { signal }: Tools): Promise<Reading[]> {
  const taken: Taken = {
    switch: [],
    commit: [],
    pause: [],
    shamPause: [],
    world: [],
    shamWorld: [],
    dip: [],
    lost: [],
    calls: [],
  };
  await switcher.switch();
  for (let pair = 0; pair < pairs && !signal.aborted; pair++) {
    const lengths: number[] = [];
    const real = await block(switcher, async () => {
      const { askedNs, commitNs, seenNs } = await switcher.switch();
      taken.switch.push(seenNs - askedNs);
      taken.commit.push(commitNs - askedNs);
      lengths.push(seenNs - askedNs);
      return { fromNs: askedNs, toNs: seenNs };
    });
    const sham = await block(switcher, async (number) => {
      const fromNs = switcher.nowNs();
      const length = lengths[number % lengths.length] ?? 0;
      await pauseMs(length / MS);
      return { fromNs, toNs: fromNs + length };
    });
    note(real, switcher.callers, taken.pause, taken.world);
    note(sham, switcher.callers, taken.shamPause, taken.shamWorld);
    const dip = 1 - real.rate / sham.rate;
    taken.dip.push(dip);
    taken.lost.push((dip * real.elapsedNs) / real.windows.length);
    taken.calls.push(sham.rate);
  }
  const at = `${switcher.name}, ${switcher.callers} callers`;
  return [
    figure("switch", at, taken.switch),
    figure("commit", at, taken.commit),
    figure("pause", at, taken.pause),
    figure("pause.sham", at, taken.shamPause),
    figure("world pause", at, taken.world),
    figure("world pause.sham", at, taken.shamWorld),
    figure("dip", at, taken.dip),
    figure("lost per switch", at, taken.lost),
    figure("scale.calls", at, taken.calls),
  ];
}

/** Half a second of events, at least one. */
async function block(switcher: Switcher, event: (number: number) => Promise<Window>): Promise<Block> {
  switcher.drain();
  const windows: Window[] = [];
  const records: MeterRecord[] = [];
  const started = switcher.nowNs();
  const before = switcher.calls();
  while (windows.length === 0 || switcher.nowNs() < started + BLOCK_MS * MS) {
    const due = switcher.nowNs() + PERIOD_MS * MS;
    windows.push(await event(windows.length));
    records.push(...switcher.drain());
    await pauseMs((due - switcher.nowNs()) / MS);
  }
  const elapsedNs = switcher.nowNs() - started;
  const rate = ((switcher.calls() - before) / elapsedNs) * 1e9;
  await pauseMs(SETTLE_MS);
  records.push(...switcher.drain());
  return { windows, records, elapsedNs, rate };
}

function note({ windows, records }: Block, cpus: number, pause: number[], world: number[]): void {
  for (const window of windows) {
    pause.push(Math.max(...longestGaps(records, window, cpus)));
    world.push(worldPause(records, window, cpus));
  }
}
