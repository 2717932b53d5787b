/**
 * A worker of the bare barrier (barrier.ts): arrives, waits for the last one, leaves, with a stamp at either end.
 */
import { workerData } from "node:worker_threads";
import { clockSince } from "../platform/threads/time.ts";
import { ASKED, DONE, LET_GO, MISSING, READY, STAMPS } from "./barrier.ts";
import type { BarrierBoot } from "./barrier.ts";

const { shared, worker, busy, epoch } = workerData as BarrierBoot;
const words = new Int32Array(shared);
const stamps = new Float64Array(shared, STAMPS);
const now = clockSince(epoch);

countUp(READY);
for (let round = 0; ; round++) {
  // Partner: the add in Barrier.#round(); the word counts rounds.
  while (Atomics.load(words, ASKED) === round) if (!busy) Atomics.wait(words, ASKED, round);
  stamps[worker * 2] = now();
  // Partner of the sub: the last one's add, which lets all go.
  if (Atomics.sub(words, MISSING, 1) === 1) {
    Atomics.add(words, LET_GO, 1);
    Atomics.notify(words, LET_GO);
  } else while (Atomics.load(words, LET_GO) === round) Atomics.wait(words, LET_GO, round);
  stamps[worker * 2 + 1] = now();
  countUp(DONE);
}

/** Partner: Barrier.#until(). */
function countUp(word: number): void {
  Atomics.add(words, word, 1);
  Atomics.notify(words, word);
}
