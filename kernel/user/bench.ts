/**
 * Programs that benchmarks time: the kernel notes when what happened (sys/bench_calls.ts).
 */
import { O_CREAT, O_RDWR, SYS_BENCH } from "../abi";
import { METER_DO_CALL, METER_DO_DIRECT, METER_DO_HOOKED, METER_DO_STAMP, METER_DO_TIMED } from "../records";
import { BUFFER, ascii, close, decimal, getpid, open, pipe, raw, read, spawn, unlink, wait, write, yield_cpu } from "./lib";
import { answered, takes_number } from "./options";
import { thread } from "./process";

const FDS: usize = memory.data(16);
const BYTE: usize = memory.data(1);
const PATH: usize = memory.data(32);

/** Notes the time under `what`. */
function stamp(what: i32): void {
  raw(SYS_BENCH, METER_DO_STAMP, what, 0);
}

/** Calls the small function for ever, each time with the last result. */
export function caller(argument: i32): i32 {
  if (!takes_number("caller")) return answered;
  let value = argument & ~1;
  while (true) value = raw(SYS_BENCH, METER_DO_CALL, value, 0);
}

/** The same, timing each call. */
export function timer(argument: i32): i32 {
  if (!takes_number("timer")) return answered;
  let value = argument & ~1;
  while (true) value = raw(SYS_BENCH, METER_DO_TIMED, value, 0);
}

/** Loops of `rounds` calls inside the kernel, through the slot and directly in turn, for ever. */
export function looper(rounds: i32): i32 {
  if (!takes_number("looper [ROUNDS]")) return answered;
  let value = 0;
  while (true) {
    value = raw(SYS_BENCH, METER_DO_HOOKED, value, rounds);
    value = raw(SYS_BENCH, METER_DO_DIRECT, value, rounds);
  }
}

/** Gives the CPU to whoever waits for it, for ever. */
export function yielder(argument: i32): i32 {
  if (!takes_number("yielder")) return answered;
  while (true) yield_cpu();
}

/** `rounds` bytes to `ponger` and back, between two stamps. */
export function pinger(rounds: i32): i32 {
  if (!takes_number("pinger [ROUNDS]")) return answered;
  if (!start_ponger()) return 1;
  if (!exchange(rounds)) return 1; // the engine compiles what is hot
  stamp(0);
  if (!exchange(rounds)) return 1;
  stamp(rounds);
  close(load<i32>(FDS, 4));
  return wait(-1, 0) > 0 ? 0 : 1;
}

function start_ponger(): bool {
  if (pipe(FDS) != 0 || pipe(FDS + 8) != 0) return false;
  if (spawn("ponger", load<i32>(FDS)) < 0) return false;
  close(load<i32>(FDS));
  close(load<i32>(FDS, 12));
  return true;
}

function exchange(rounds: i32): bool {
  for (let i = 0; i < rounds; i++) {
    if (write(load<i32>(FDS, 4), BYTE, 1) != 1 || read(load<i32>(FDS, 8), BYTE, 1) != 1) return false;
  }
  return true;
}

/** The other side, with the descriptors in the order in which pinger() made them, from `input` on. */
export function ponger(input: i32): i32 {
  if (!takes_number("ponger DESCRIPTOR")) return answered;
  close(input + 1);
  close(input + 2);
  while (read(input, BYTE, 1) == 1) if (write(input + 3, BYTE, 1) != 1) return 1;
  return 0;
}

/** Round trips, files, processes: a fixed amount, of `rounds`, between two stamps. Sixteen round trips to one process. */
export function mixer(rounds: i32): i32 {
  if (!takes_number("mixer [ROUNDS]")) return answered;
  if (!start_ponger()) return 1;
  const own = ascii("/tmp/mix", PATH);
  const length = own + decimal(getpid(), PATH + own);
  stamp(0);
  for (let i = 0; i < rounds; i++) {
    if (!exchange(16)) return 1;
    const file = open(PATH, length, O_RDWR | O_CREAT);
    if (file < 0 || write(file, BUFFER, 512) != 512) return 1;
    close(file);
    const again = open(PATH, length, O_RDWR);
    if (read(again, BUFFER, 512) != 512) return 1;
    close(again);
    if (unlink(PATH, length) != 0) return 1;
    const child = spawn("leaf", 0);
    if (child < 0 || wait(child, 0) != child) return 1;
  }
  stamp(rounds);
  close(load<i32>(FDS, 4));
  return wait(-1, 0) > 0 ? 0 : 1;
}

/** Spawns `rounds` leaves, each when the last has been waited for, between two stamps. */
export function burier(rounds: i32): i32 {
  if (!takes_number("burier [ROUNDS]")) return answered;
  stamp(0);
  for (let i = 0; i < rounds; i++) {
    const child = spawn("leaf", 0);
    if (child < 0 || wait(child, 0) != child) return 1;
  }
  stamp(rounds);
  return 0;
}

/** `tasks` processes asleep in a read that gets nothing; the stamp says that all were started. */
export function crowd(tasks: i32): i32 {
  if (!takes_number("crowd [TASKS]")) return answered;
  if (pipe(FDS) != 0) return 1;
  for (let i = 0; i < tasks; i++) if (spawn("waiter", load<i32>(FDS)) < 0) return 1;
  stamp(tasks);
  return read(load<i32>(FDS), BYTE, 1) == 0 ? 0 : 1;
}

/** The same as threads of one process. */
export function throng(tasks: i32): i32 {
  if (!takes_number("throng [TASKS]")) return answered;
  if (pipe(FDS) != 0) return 1;
  for (let i = 0; i < tasks; i++) if (thread("waiter", load<i32>(FDS)) < 0) return 1;
  stamp(tasks);
  return read(load<i32>(FDS), BYTE, 1) == 0 ? 0 : 1;
}

/** One of them. */
export function waiter(input: i32): i32 {
  if (!takes_number("waiter DESCRIPTOR")) return answered;
  return read(input, BYTE, 1) == 0 ? 0 : 1;
}
