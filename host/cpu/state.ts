/**
 * What each CPU is doing, read from memory alone: works on a machine that does nothing any more.
 *
 * Contract: a snapshot; fields of a running CPU may be from different moments. Invariant: no CPU is asked.
 */
import {
  TASK_DEAD,
  TASK_INTERRUPTIBLE,
  TASK_RUNNING,
  TASK_STOPPED,
  TASK_UNINTERRUPTIBLE,
  TASK_ZOMBIE,
} from "../../kernel/abi.ts";
import {
  PERCPU_CURRENT,
  PERCPU_IDLE_TASK,
  PERCPU_IN_IRQ,
  PERCPU_IRQ_OFF,
  PERCPU_LAST_LOCK,
  PERCPU_LOCKS_HELD,
  PERCPU_ONLINE,
  PERCPU_PENDING,
  PERCPU_PREEMPT,
  PERCPU_RELAXED,
  PERCPU_SLEEPING,
  PERCPU_SPINNING_ON,
  SPINLOCK_NAME,
  SPINLOCK_OWNER,
  TASK_NAME,
  TASK_NAME_SIZE,
  TASK_PID,
  TASK_STATE,
} from "../../kernel/layout.ts";
import { cpuBlock } from "../memory.ts";
import type { SharedMemory } from "../memory.ts";

export interface CpuState {
  readonly cpu: number;
  readonly online: boolean;
  /** Asleep in the host, with nothing to run. */
  readonly sleeping: boolean;
  /** PENDING_* bits. */
  readonly pending: number;
  readonly task: { readonly pid: number; readonly name: string; readonly state: string; readonly idle: boolean };
  /** Nesting depths. */
  readonly interruptsOff: number;
  readonly preemptionOff: number;
  readonly inInterrupt: boolean;
  readonly locksHeld: number;
  /** The lock taken last, while any is held. */
  readonly lastLock?: string;
  readonly spinningOn?: { readonly lock: string; readonly holder: number | undefined };
  /** Turns of a busy wait since this CPU last got anywhere. */
  readonly relaxed: number;
}

const STATE_NAMES: Readonly<Record<number, string>> = {
  [TASK_RUNNING]: "running",
  [TASK_INTERRUPTIBLE]: "sleeping",
  [TASK_UNINTERRUPTIBLE]: "sleeping without signals",
  [TASK_STOPPED]: "stopped by a signal",
  [TASK_ZOMBIE]: "zombie",
  [TASK_DEAD]: "dead",
};

export function readCpuState(memory: SharedMemory, cpu: number): CpuState {
  const block = cpuBlock(cpu);
  const field = (offset: number): number => memory.load(block + offset);
  const task = field(PERCPU_CURRENT);
  const spinning = field(PERCPU_SPINNING_ON);
  const locksHeld = field(PERCPU_LOCKS_HELD);
  return {
    cpu,
    online: field(PERCPU_ONLINE) !== 0,
    sleeping: field(PERCPU_SLEEPING) !== 0,
    pending: field(PERCPU_PENDING),
    task: {
      pid: task === 0 ? 0 : memory.load(task + TASK_PID),
      name: task === 0 ? "none" : memory.zeroEnded(task + TASK_NAME, TASK_NAME_SIZE),
      state: task === 0 ? "-" : (STATE_NAMES[memory.load(task + TASK_STATE)] ?? "?"),
      idle: task === field(PERCPU_IDLE_TASK),
    },
    interruptsOff: field(PERCPU_IRQ_OFF),
    preemptionOff: field(PERCPU_PREEMPT),
    inInterrupt: field(PERCPU_IN_IRQ) !== 0,
    locksHeld,
    ...(locksHeld > 0 && { lastLock: lockName(memory, field(PERCPU_LAST_LOCK)) }),
    ...(spinning !== 0 && { spinningOn: { lock: lockName(memory, spinning), holder: lockHolder(memory, spinning) } }),
    relaxed: field(PERCPU_RELAXED),
  };
}

/** One line, as in `CPU 1: writer[7] running, interrupts off 1, holds 1 lock (pipe), spins on tasklist held by CPU 0`. */
export function describeCpu(state: CpuState): string {
  const { task, interruptsOff, preemptionOff, locksHeld, lastLock, spinningOn } = state;
  const facts = [
    task.idle ? "idle" : `${task.name}[${task.pid}] ${task.state}`,
    interruptsOff > 0 && `interrupts off ${interruptsOff}`,
    preemptionOff > 0 && `preemption off ${preemptionOff}`,
    state.inInterrupt && "in interrupt",
    locksHeld > 0 && `holds ${locksHeld} ${locksHeld === 1 ? "lock" : "locks"} (last ${lastLock})`,
    spinningOn &&
      `spins on ${spinningOn.lock} ${spinningOn.holder === undefined ? "free" : `held by CPU ${spinningOn.holder}`}`,
    state.relaxed > 0 && `waited ${state.relaxed} turns`,
    state.pending !== 0 && `pending 0x${state.pending.toString(16)}`,
  ];
  return `CPU ${state.cpu}: ${facts.filter((fact) => fact !== false && fact !== undefined).join(", ")}`;
}

function lockName(memory: SharedMemory, lock: number): string {
  return memory.literal(memory.load(lock + SPINLOCK_NAME));
}

function lockHolder(memory: SharedMemory, lock: number): number | undefined {
  const owner = memory.load(lock + SPINLOCK_OWNER);
  return owner === 0 ? undefined : owner - 1;
}
