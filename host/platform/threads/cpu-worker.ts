/**
 * A CPU's thread: answers control calls, and runs the CPU loop in between.
 *
 * Contract: see control.ts. The loop begins in a task of its own, so that the answer to the call which began it is
 * on its way. Invariant: the thread ends when the machine is shut down or its CPU is lost.
 */
import { availableParallelism } from "node:os";
import { parentPort } from "node:worker_threads";
import { getHeapStatistics } from "node:v8";
import nodeEndpoint from "comlink/dist/esm/node-adapter.mjs";
import { CPU_GONE, STATE_BOOTING, STATE_RUNNING } from "../../../kernel/abi.ts";
import { MACHINE, MACHINE_CORES, MACHINE_STATE } from "../../../kernel/layout.ts";
import type { Cpu } from "../../cpu/cpu.ts";
import { runLoop } from "../../cpu/loop.ts";
import { Socket } from "../../cpu/socket.ts";
import { MachineError } from "../../errors.ts";
import { SharedMemory } from "../../memory.ts";
import { expose } from "../../rpc.ts";
import { locateBySourceMaps } from "../node/source-map.ts";
import type { CpuBoot, CpuControl } from "./control.ts";
import { clockSince } from "./time.ts";

if (!parentPort)
  throw new MachineError("BAD_USAGE", "cpu-worker is the entry of a CPU's thread", "Boot a machine instead: wlp run.");
const port = parentPort;

let loop: () => void = () => {};
let socket: Socket | undefined;
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
  const place = new Socket(id, memory, images, { clockNs, step: () => 0, locate: locateBySourceMaps(sourceMaps) });
  const state = MACHINE + MACHINE_STATE;
  const runOn = (cpu: Cpu) => (): void => {
    const end = runLoop(cpu, memory, clockNs);
    if (end === "host") return;
    if (end === "offline" && memory.load(state) === STATE_RUNNING) void away();
    else port.close();
  };
  /** The thread outlives its CPU: it answers what it is asked, until another instance is wanted. */
  const away = async (): Promise<void> => {
    loop = () => {};
    place.unplug();
    while (place.isGone) {
      const wait = Atomics.waitAsync(memory.words, place.power >> 2, CPU_GONE); // partner: power_on(), and shutdown
      if (wait.async) await wait.value;
    }
    if (memory.load(state) !== STATE_RUNNING) return port.close();
    const cpu = place.plug();
    cpu.init();
    loop = runOn(cpu);
    resume();
  };
  const first = place.plug();
  socket = place;
  if (id === 0) {
    memory.store(MACHINE + MACHINE_CORES, availableParallelism());
    bootMachine(first);
  }
  loop = () => {
    if (id !== 0) {
      Atomics.wait(memory.words, state >> 2, STATE_BOOTING); // partner: the notify in init_main()
      first.init();
    }
    loop = runOn(first);
    loop();
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
  install: (code) => socket?.install(code),
  uninstall: (indices) => socket?.uninstall(indices),
  entries: (questions) => socket?.entries(questions),
};
expose(control, nodeEndpoint(port));
