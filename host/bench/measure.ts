/**
 * What a system call costs in each image.
 *
 * Idea: images take turns, so that what disturbs the computer disturbs all of them; a round gives one figure per
 * image, and ratios are taken within a round. Contract: medians and quartiles over the rounds, nanoseconds per call.
 * Invariant: JavaScript only starts loops; each figure is of thousands of calls made inside Wasm.
 */
import { SYS_GETPID, SYS_PIPE, SYS_READ, SYS_WRITE } from "../../kernel/abi.ts";
import { EMERGENCY, WORD } from "../../kernel/layout.ts";
import type { Kernel } from "./kernels.ts";

export interface Spread {
  readonly median: number;
  readonly lower: number;
  readonly upper: number;
}

export interface Row {
  readonly image: string;
  readonly has: string;
  readonly nsPerCall: Spread;
  /** Of the first image. */
  readonly ratio: Spread;
}

export interface Measurement {
  readonly work: string;
  readonly rows: readonly Row[];
}

/** How often, and how much at a time. */
export interface Effort {
  readonly rounds: number;
  /** Calls of one figure. */
  readonly calls: number;
}

interface Work {
  readonly name: string;
  /** Gives a function that makes `calls` calls. */
  readonly prepare: (kernel: Kernel) => (calls: number) => void;
}

/** Where a call's buffer lies: idle CPUs do not use theirs, and the idle task has no window to translate from. */
const BUFFER = EMERGENCY;
const CHUNK = 64;
/** Writes before the reads, so that nobody sleeps: half of what a pipe holds. */
const BATCH = 512;

const WORKS: readonly Work[] = [
  { name: "getpid", prepare: (kernel) => (calls) => void kernel.syscalls(SYS_GETPID, 0, 0, 0, calls) },
  {
    name: `pipe: write and read of ${CHUNK} bytes, half of the calls each`,
    prepare: (kernel) => {
      kernel.syscalls(SYS_PIPE, BUFFER, 0, 0, 1);
      const input = kernel.memory.load(BUFFER);
      const output = kernel.memory.load(BUFFER + WORD);
      return (calls) => {
        for (let left = calls / 2; left > 0; left -= BATCH) {
          kernel.syscalls(SYS_WRITE, output, BUFFER, CHUNK, Math.min(left, BATCH));
          kernel.syscalls(SYS_READ, input, BUFFER, CHUNK, Math.min(left, BATCH));
        }
      };
    },
  },
];

export function measure(kernels: readonly Kernel[], effort: Effort): Measurement[] {
  return WORKS.map((work) => ({ work: work.name, rows: compare(kernels, work, effort) }));
}

function compare(kernels: readonly Kernel[], work: Work, { rounds, calls }: Effort): Row[] {
  const runs = kernels.map((kernel) => work.prepare(kernel));
  for (const run of runs) run(calls); // not counted: the engine compiles what is hot
  const figures: number[][] = kernels.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < runs.length; turn++) {
      const index = (round + turn) % runs.length; // nobody always comes first
      const started = performance.now();
      runs[index]?.(calls);
      figures[index]?.push(((performance.now() - started) * 1e6) / calls);
    }
  }
  return kernels.map(({ image, has }, index) => {
    const own = figures[index] ?? [];
    return {
      image,
      has,
      nsPerCall: spread(own),
      ratio: spread(own.map((ns, round) => ns / (figures[0]?.[round] ?? NaN))),
    };
  });
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round((sorted.length - 1) * share)] ?? NaN;
  return { median: at(0.5), lower: at(0.25), upper: at(0.75) };
}
