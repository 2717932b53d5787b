/**
 * The CPU loop of a thread: a VM-exit loop.
 *
 *   exit      what the loop does                                              goes on
 *   IDLE      sleeps on PENDING until somebody raises a bit or a timer is due  yes
 *   HOST      returns, so that the thread gets to its event loop              when the host says resume
 *   OFFLINE   returns                                                         no
 *   PANIC     wakes who watches the machine's state, returns                  no
 *
 * Contract: an exit without a row is UNKNOWN_EXIT. Invariant: no task's stack is on the engine's when the
 * thread blocks: here, or in the kernel's stop_this_cpu(). Stops and changes of entries never leave the kernel.
 */
import {
  COUNTER_IDLE_NS,
  EXIT_HOST,
  EXIT_IDLE,
  EXIT_OFFLINE,
  EXIT_PANIC,
  EXIT_STEP,
  PENDING_TICK,
} from "../../kernel/abi.ts";
import {
  MACHINE,
  MACHINE_STATE,
  PERCPU_COUNTERS,
  PERCPU_IDLE_UNTIL,
  PERCPU_PENDING,
  PERCPU_SLEEPING,
} from "../../kernel/layout.ts";
import { MachineError } from "../errors.ts";
import { cpuBlock } from "../memory.ts";
import type { SharedMemory } from "../memory.ts";
import type { Cpu } from "./cpu.ts";

/** A long sleep is accounted for this often, so that readers see it while it lasts. */
const ACCOUNT_MS = 100;

export type LoopEnd = "host" | "offline" | "panic";

/** Runs `cpu` until its thread is wanted elsewhere. */
export function runLoop(cpu: Cpu, memory: SharedMemory, clockNs: () => number): LoopEnd {
  for (;;) {
    const exit = cpu.run();
    switch (exit) {
      case EXIT_IDLE:
        sleep(memory, cpuBlock(cpu.id), clockNs);
        break;
      case EXIT_STEP: // a trap that cost only its task
        break;
      case EXIT_HOST:
        return "host";
      case EXIT_OFFLINE:
        return "offline";
      case EXIT_PANIC:
        memory.notify(MACHINE + MACHINE_STATE); // partner: the host, which waits for the state to change
        return "panic";
      default:
        throw unknownExit(cpu.id, exit);
    }
  }
}

export function unknownExit(cpu: number, exit: number): MachineError {
  return new MachineError(
    "UNKNOWN_EXIT",
    `CPU ${cpu} left for reason ${exit}, which this host does not know`,
    "Build image and host again with `npm run build`.",
  );
}

function sleep(memory: SharedMemory, block: number, clockNs: () => number): void {
  const until = memory.loadDouble(block + PERCPU_IDLE_UNTIL) || Infinity;
  // Stored before PENDING is compared: pairs with raise_pending(), which sets PENDING before it looks at SLEEPING.
  memory.store(block + PERCPU_SLEEPING, 1);
  for (let woken = false; !woken;) {
    const began = clockNs();
    const timeout = Math.min((until - began) / 1e6, ACCOUNT_MS);
    woken = timeout <= 0 || Atomics.wait(memory.words, (block + PERCPU_PENDING) >> 2, 0, timeout) !== "timed-out";
    addIdleTime(memory, block, clockNs() - began);
  }
  memory.store(block + PERCPU_SLEEPING, 0);
  if (clockNs() >= until) memory.or(block + PERCPU_PENDING, PENDING_TICK); // timers fire in the tick's interrupt
}

export function addIdleTime(memory: SharedMemory, block: number, ns: number): void {
  const counter = block + PERCPU_COUNTERS + COUNTER_IDLE_NS * 8;
  memory.storeDouble(counter, memory.loadDouble(counter) + ns);
}
