/**
 * What system calls cost that run to completion, by image; what a context switch, a round trip and a wake-up cost.
 *
 * Images take turns, so that what disturbs the computer disturbs all of them. JavaScript only starts loops: each sample
 * is of thousands of calls made inside Wasm.
 */
import { SYS_GETPID, SYS_PIPE, SYS_READ, SYS_WRITE } from "../../kernel/abi.ts";
import { METER_KIND_STAMP, METER_KIND_WAKE } from "../../kernel/records.ts";
import { EMERGENCY, WORD } from "../../kernel/layout.ts";
import { MachineError } from "../errors.ts";
import type { Effort, Outcome, Reading, Tools } from "./bench.ts";
import { figure, ratio } from "./figure.ts";
import { bootKernels } from "./kernels.ts";
import type { Kernel } from "./kernels.ts";
import { onMachine, spawnAll } from "./lab.ts";

interface Work {
  readonly name: string;
  /** Gives a function that makes `calls` calls. */
  readonly prepare: (kernel: Kernel) => (calls: number) => void;
}

/** Calls of one sample. */
const CALLS = 100_000;
/** Where a call's buffer lies: idle CPUs do not use theirs, and the idle task has no window to translate from. */
const BUFFER = EMERGENCY;
const CHUNK = 64;
/** Writes before the reads, so that nobody sleeps: half of what a pipe holds. */
const BATCH = 512;

const WORKS: readonly Work[] = [
  { name: "getpid", prepare: (kernel) => (calls) => void kernel.syscalls(SYS_GETPID, 0, 0, 0, calls) },
  {
    name: "pipe",
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

export async function benchSyscalls(effort: Effort, tools: Tools): Promise<Outcome> {
  tools.say("syscalls: images in turn");
  const kernels = await bootKernels();
  const figures = [
    ...WORKS.flatMap((work) => compare(kernels, work, effort)),
    ...(await switches(effort, tools)),
    ...(await roundTrips(effort, tools)),
    ...(await wakeUps(effort, tools)),
  ];
  return {
    figures,
    notes: [
      `${CALLS} calls per sample, the first of each image not counted; pipe: half writes, half reads of ${CHUNK} bytes, none of which sleeps`,
      "a wake-up is counted while the waker stays busy, so that the other CPU really slept",
    ],
  };
}

function compare(kernels: readonly Kernel[], work: Work, { rounds }: Effort): Reading[] {
  const runs = kernels.map((kernel) => work.prepare(kernel));
  for (const run of runs) run(CALLS); // not counted: the engine compiles what is hot
  const samples: number[][] = kernels.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < runs.length; turn++) {
      const index = (round + turn) % runs.length; // nobody always comes first
      const started = performance.now();
      runs[index]?.(CALLS);
      samples[index]?.push(((performance.now() - started) * 1e6) / CALLS);
    }
  }
  return kernels.flatMap(({ has }, index) => {
    const at = `${work.name}, ${has}`;
    const own = samples[index] ?? [];
    const cost = figure("syscall.cost", at, own);
    return index === 0 ? [cost] : [cost, ratio("syscall.of_plain", at, own, samples[0] ?? [])];
  });
}

const SLICE_S = 0.02;

/** Two tasks that do nothing but yield: each switch saves one whole stack and restores another. */
async function switches(effort: Effort, tools: Tools): Promise<Reading[]> {
  tools.say("syscalls: context switches");
  return onMachine({ cpus: 1 }, tools, async ({ machine }) => {
    await spawnAll(machine, "yielder", 2);
    await machine.run(10 * SLICE_S); // not counted
    const samples = [];
    for (let round = 0; round < effort.rounds; round++) {
      const from = machine.counters();
      await machine.run(SLICE_S);
      const to = machine.counters();
      samples.push((to.timeNs - from.timeNs) / (to.total.switches - from.total.switches));
    }
    return [figure("task.switch", "two tasks on one CPU", samples)];
  });
}

const TRIPS = 5000;

async function roundTrips(effort: Effort, tools: Tools): Promise<Reading[]> {
  tools.say("syscalls: pipe round trips");
  return onMachine({ cpus: 1 }, tools, async ({ machine, meter }) => {
    const samples = [];
    for (let round = 0; round < effort.rounds; round++) {
      succeed(await machine.wait(await machine.spawn("pinger", TRIPS)), "pinger");
      const [from, to] = meter.drain().filter(({ kind }) => kind === METER_KIND_STAMP);
      if (from && to) samples.push((to.toNs - from.toNs) / TRIPS);
    }
    return [figure("pipe.round_trip", "two tasks on one CPU", samples)];
  });
}

const BOUNCES = 2000;
const LOOK_S = 0.02;

async function wakeUps(effort: Effort, tools: Tools): Promise<Reading[]> {
  tools.say("syscalls: wake-ups");
  return onMachine({ cpus: 2 }, tools, async ({ machine, meter }) => {
    meter.want([METER_KIND_WAKE]);
    const samples: number[] = [];
    const sender = await machine.spawn("bounce", effort.name === "quick" ? 20 : BOUNCES);
    const over = machine.wait(sender);
    for (let status: number | undefined; status === undefined;) {
      status = await Promise.race([over, machine.run(LOOK_S).then(() => undefined)]);
      // The other side was started by the sender, so its pid is the next.
      const woken = meter.drain().filter(({ kind, what }) => kind === METER_KIND_WAKE && what === sender + 1);
      samples.push(...woken.map(({ fromNs, toNs }) => toNs - fromNs));
    }
    succeed(await over, "bounce");
    return [figure("wake.idle", "two CPUs", samples)];
  });
}

function succeed(status: number, program: string): void {
  if (status === 0) return;
  throw new MachineError("CALL_FAILED", `${program} ended with ${status}`, "Run npm test: the kernel is at fault.");
}
