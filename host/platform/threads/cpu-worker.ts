/**
 * A CPU's thread: answers control calls, and runs the CPU loop in between.
 *
 * Contract: see control.ts. The loop begins in a task of its own, so that the answer to the call which began it is
 * on its way. Invariant: the thread ends when its CPU is offline or lost.
 */
import { availableParallelism } from "node:os";
import { parentPort } from "node:worker_threads";
import { getHeapStatistics } from "node:v8";
import nodeEndpoint from "comlink/dist/esm/node-adapter.mjs";
import { STATE_BOOTING } from "../../../kernel/abi.ts";
import { MACHINE, MACHINE_CORES, MACHINE_CPUS, MACHINE_STATE } from "../../../kernel/layout.ts";
import { Cpu } from "../../cpu/cpu.ts";
import { runLoop } from "../../cpu/loop.ts";
import { MachineError } from "../../errors.ts";
import { SharedMemory } from "../../memory.ts";
import { expose } from "../../rpc.ts";
import { locateBySourceMaps } from "../node/source-map.ts";
import type { CpuBoot, CpuControl } from "./control.ts";
import { clockSince } from "./time.ts";

if (!parentPort)
  throw new MachineError("BAD_USAGE", "cpu-worker is the entry of a CPU's thread", "Boot a machine instead: wlp run.");
const port = parentPort;

/** Longer than most stops last when every CPU has a core. */
const SPIN_NS = 50_000;

let loop: () => void = () => {};
let booted: Cpu | undefined;
let scheduled = false;

function resume(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(() => {
    scheduled = false;
    loop();
  });
}

function boot({ cpu: id, memory: shared, images, sourceMaps, epoch }: CpuBoot): void {
  const memory = new SharedMemory(shared);
  const clockNs = clockSince(epoch);
  const cpu = new Cpu(id, memory, images, { clockNs, step: () => 0, locate: locateBySourceMaps(sourceMaps) });
  // A CPU that spins while others wait for its core keeps them from arriving.
  const cores = availableParallelism();
  const spinNs = memory.load(MACHINE + MACHINE_CPUS) <= cores ? SPIN_NS : 0;
  const run = (): void => {
    if (runLoop(cpu, memory, clockNs, spinNs) !== "host") port.close();
  };
  booted = cpu;
  if (id === 0) {
    memory.store(MACHINE + MACHINE_CORES, cores);
    bootMachine(cpu);
  }
  loop = () => {
    if (id !== 0) {
      Atomics.wait(memory.words, (MACHINE + MACHINE_STATE) >> 2, STATE_BOOTING); // partner: the notify in init_main()
      cpu.init();
    }
    loop = run;
    run();
  };
  resume();
}

/** On CPU 0. */
function bootMachine(cpu: Cpu): void {
  try {
    cpu.init();
  } catch (error) {
    setImmediate(() => port.close());
    throw new MachineError(
      "BOOT_FAILED",
      `the kernel's boot trapped: ${String(error)}`,
      "Look at the log; more memory may help.",
      { cause: error },
    );
  }
}

const control: CpuControl = {
  boot,
  resume,
  stats: () => ({ heapBytes: getHeapStatistics().used_heap_size }),
  install: (code) => booted?.install(code),
  uninstall: (firstIndex, count) => booted?.uninstall(firstIndex, count),
  entries: (questions) => booted?.entries(questions) ?? [],
};
expose(control, nodeEndpoint(port));
