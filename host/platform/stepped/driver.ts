/**
 * The stepped platform's CPUs: all on this thread, one at a time, in an order that a seed decides.
 *
 * Idea: the image calls step() before every atomic, hooked call and turn of a busy wait; the driver says there whether
 * this CPU's turn is over, and then draws who is next. A seed also draws how long turns are on average, so that some
 * machines switch at almost every step and others in long bursts. Time is virtual: steps and turns cost a fixed time,
 * and when every CPU is idle it jumps to the next timer or device interrupt.
 *
 * Contract: `turn` runs one turn, and throws LIVELOCK, STEP_BUDGET or KERNEL_PANIC when there cannot be one.
 * Invariant: no clock, no engine and no event loop is looked at, so options and seed decide every byte.
 */
import {
  EXIT_IDLE,
  EXIT_OFFLINE,
  EXIT_PANIC,
  EXIT_POKE,
  EXIT_STEP,
  EXIT_STOP,
  PENDING_TICK,
  STEP_RELAX,
} from "../../../kernel/abi.ts";
import {
  MACHINE,
  MACHINE_STOP_GENERATION,
  PERCPU_IDLE_UNTIL,
  PERCPU_PENDING,
  PERCPU_RELAXED,
  PERCPU_SLEEPING,
} from "../../../kernel/layout.ts";
import { Clock } from "../../cpu/clock.ts";
import type { Cpu } from "../../cpu/cpu.ts";
import type { Locate } from "../../cpu/backtrace.ts";
import { addIdleTime, unknownExit } from "../../cpu/loop.ts";
import { Socket } from "../../cpu/socket.ts";
import { cpuBlock } from "../../memory.ts";
import type { SharedMemory } from "../../memory.ts";
import { Random } from "../../random.ts";
import type { PlatformPlan } from "../platform.ts";
import { stuck } from "./report.ts";

/** Virtual time that a step point stands for, and a turn. */
const STEP_NS = 50;
const TURN_NS = 200;
/** The mean length of a turn, in steps, is drawn from 1 to this. */
const LONGEST_MEAN_TURN = 200;
/** Turns of a busy wait in which nobody else got anywhere either. */
const LIVELOCK_LIMIT = 20_000;
/** A tick or a device interrupt comes late by up to this part of its period. */
const JITTER = 0.25;

type Mode = "unborn" | "ready" | "idle" | "stopped" | "gone";

interface Seat {
  readonly socket: Socket;
  /** The instance in it, or the last one that was. */
  cpu: Cpu;
  readonly block: number;
  mode: Mode;
  /** Idle time is counted up to here. */
  since: number;
  /** The stop that it waits in: MACHINE_STOP_GENERATION before it. */
  stop: number;
}

export class Driver {
  readonly #plan: PlatformPlan;
  readonly #memory: SharedMemory;
  readonly #random: Random;
  readonly #clock: Clock;
  readonly #seats: readonly Seat[];
  readonly #meanTurn: number;
  #now = 0;
  #steps = 0;
  /** Steps left in the current turn. */
  #left = 0;
  /** Whose turn it is, or was. */
  #current: Seat | undefined;
  /** The current CPU waits for another one. */
  #relaxed = false;

  constructor(plan: PlatformPlan, locate: Locate) {
    const { memory, settings, images } = plan;
    this.#plan = plan;
    this.#memory = memory;
    this.#random = new Random(settings.seed);
    this.#meanTurn = 1 + this.#random.below(LONGEST_MEAN_TURN);
    this.#clock = new Clock(memory, (period) => this.#random.below(1 + Math.floor(period * JITTER)));
    const hardware = { clockNs: () => this.#now, step: (kind: number) => this.#step(kind), locate };
    this.#seats = Array.from({ length: settings.cpus }, (_, id) => {
      const socket = new Socket(id, memory, images, hardware);
      return { socket, cpu: socket.plug(), block: cpuBlock(id), mode: "unborn" as Mode, since: 0, stop: 0 };
    });
  }

  get now(): number {
    return this.#now;
  }

  /** Lets CPUs come up: at first CPU 0, which boots the machine, then the others. */
  start(which: "first" | "others"): void {
    for (const seat of this.#seats) {
      if ((seat.cpu.id === 0) !== (which === "first")) continue;
      seat.cpu.init();
      seat.mode = "ready";
    }
  }

  eachSocket(work: (socket: Socket) => void): void {
    for (const seat of this.#seats) work(seat.socket);
  }

  /** For a machine in which nothing happens, although somebody waits for it. */
  refuseDeadlock(): never {
    throw this.#stuck(
      "DEADLOCK",
      "nothing can happen any more: every CPU is idle and no timer is armed",
      "Find who should have been woken: read /proc/<pid>/stack of its task before it sleeps.",
    );
  }

  /** Runs one CPU for a turn, or lets time jump; never past `until`. False when nothing happens before `until`. */
  turn(until: number): boolean {
    const seat = this.#choose();
    if (!seat) return this.#jump(until);
    this.#current = seat;
    this.#relaxed = false;
    this.#left = 1 + this.#random.below(2 * this.#meanTurn - 1);
    this.#pass(TURN_NS);
    const exit = seat.cpu.run();
    switch (exit) {
      case EXIT_STEP:
      case EXIT_POKE: // its entries are changed
        break;
      case EXIT_IDLE:
        seat.mode = "idle";
        seat.since = this.#now;
        this.#memory.store(seat.block + PERCPU_SLEEPING, 1);
        break;
      case EXIT_STOP:
        seat.stop = this.#memory.load(MACHINE + MACHINE_STOP_GENERATION);
        seat.mode = "stopped";
        seat.cpu.enterStop();
        break;
      case EXIT_OFFLINE:
        seat.mode = "gone";
        seat.socket.unplug();
        break;
      case EXIT_PANIC:
        throw this.#plan.panicError();
      default:
        throw unknownExit(seat.cpu.id, exit);
    }
    return true;
  }

  /** The kernel's funnel: 1 ends the turn here. */
  #step(kind: number): number {
    this.#pass(STEP_NS);
    if (++this.#steps > this.#plan.settings.stepBudget)
      throw this.#stuck(
        "STEP_BUDGET",
        `more than ${this.#plan.settings.stepBudget} steps`,
        "Raise stepBudget, or ask for less.",
      );
    this.#left--;
    if (kind !== STEP_RELAX) return this.#left > 0 ? 0 : 1;
    const others = this.#seats.filter((seat) => seat !== this.#current && this.#isReady(seat));
    this.#relaxed = others.length > 0;
    if (
      [this.#current, ...others].every(
        (seat) => seat && this.#memory.load(seat.block + PERCPU_RELAXED) > LIVELOCK_LIMIT,
      )
    ) {
      throw this.#stuck(
        "LIVELOCK",
        "every CPU that is not idle waits for another",
        "Find who should have ended the wait: each line names the lock and its holder.",
      );
    }
    return this.#relaxed || this.#left <= 0 ? 1 : 0;
  }

  #pass(ns: number): void {
    this.#now += ns;
    if (this.#now >= this.#clock.next) this.#clock.advance(this.#now);
  }

  /** A CPU that waits for another is chosen only when there is no other. */
  #choose(): Seat | undefined {
    const ready = this.#seats.filter((seat) => this.#isReady(seat));
    const others = this.#relaxed ? ready.filter((seat) => seat !== this.#current) : ready;
    const candidates = others.length > 0 ? others : ready;
    return candidates[this.#random.below(candidates.length)];
  }

  /** A stopped CPU changes its entries and goes when its turn comes after the last one has let go of all. */
  #isReleased(seat: Seat): boolean {
    if (this.#memory.load(MACHINE + MACHINE_STOP_GENERATION) === seat.stop) return false;
    seat.cpu.leaveStop();
    seat.mode = "ready";
    return true;
  }

  /** A CPU that left starts anew when the kernel wants it. */
  #isBack(seat: Seat): boolean {
    if (seat.socket.isGone) return false;
    seat.cpu = seat.socket.plug();
    seat.cpu.init();
    seat.mode = "ready";
    return true;
  }

  /** An idle CPU is ready when something is pending, or when its time has come. */
  #isReady(seat: Seat): boolean {
    if (seat.mode === "gone") return this.#isBack(seat);
    if (seat.mode === "stopped") return this.#isReleased(seat);
    if (seat.mode !== "idle") return seat.mode === "ready";
    const memory = this.#memory;
    const until = memory.loadDouble(seat.block + PERCPU_IDLE_UNTIL);
    const due = until !== 0 && this.#now >= until;
    if (!due && memory.load(seat.block + PERCPU_PENDING) === 0) return false;
    if (due) memory.or(seat.block + PERCPU_PENDING, PENDING_TICK); // timers fire in the tick's interrupt
    memory.store(seat.block + PERCPU_SLEEPING, 0);
    this.#account(seat);
    seat.mode = "ready";
    return true;
  }

  /** All are idle: on to the next timer or device interrupt. */
  #jump(until: number): boolean {
    this.#clock.watchDevice(this.#now);
    const timers = this.#seats
      .filter(({ mode }) => mode === "idle")
      .map(({ block }) => this.#memory.loadDouble(block + PERCPU_IDLE_UNTIL))
      .filter((time) => time !== 0);
    const next = Math.min(this.#clock.nextDevice, ...timers);
    if (next === Infinity && until === Infinity) return false;
    if (next > until) {
      this.#now = until;
      for (const seat of this.#seats) if (seat.mode === "idle") this.#account(seat);
      return false;
    }
    this.#now = Math.max(this.#now, next);
    this.#clock.advance(this.#now);
    return true;
  }

  /** Counts idle time up to now. */
  #account(seat: Seat): void {
    addIdleTime(this.#memory, seat.block, this.#now - seat.since);
    seat.since = this.#now;
  }

  #stuck(code: "DEADLOCK" | "LIVELOCK" | "STEP_BUDGET", what: string, remedy: string): Error {
    return stuck(code, what, remedy, this.#memory, this.#seats.length);
  }
}
