/**
 * stress: puts one part of the kernel, or all of them, under load for a while.
 *
 * Workers run in a process group of their own and never end by themselves: one that does has seen what must not be.
 */
import {
  SIGKILL, SYS_BENCH, SYS_EXIT, SYS_FUTEX, SYS_IOCTL, SYS_KILL, SYS_LOG, SYS_NANOSLEEP, SYS_READ, SYS_SIGNAL, SYS_SPAWN, SYS_SPAWNV, SYS_SPLICE, SYS_THREAD,
  SYS_WAIT, SYS_WRITE,
} from "../../abi";
import { BUFFER, BUFFER_SIZE, ascii, clock_ms, close, decimal, getpid, kill, nanosleep, pipe, random, raw, write, yield_cpu } from "../lib";
import { mutex_lock, mutex_unlock } from "../mutex";
import { arg, parse, plan, spawn_planned, thread, wait_for } from "../process";
import { answered, begin, misused, refuse_option, takes_number } from "../options";
import { flush, put, put_number, same } from "../text";

const USAGE = "stress [--calls N] [--pipes N] [--forks N] [--timers N] [--locks N] [--memory N] [--files N] [--ms MS]";
const STATUS: usize = memory.data(4);
const ARGV: usize = memory.data(32);
const SEED: usize = memory.data(4);
const FDS: usize = memory.data(8);
const SLICE_MS = 1000;

/** Without options: one of each, for a second. */
export function stress(argument: i32): i32 {
  const count = begin(USAGE);
  if (!count) return 0;
  let ms = 1000;
  let workers = 0;
  let group = 0;
  for (let i = 1; i < count; i += 2) {
    const timed = same(arg(i), "--ms");
    if (!timed && kind_of(arg(i)) < 0) {
      refuse_option(USAGE, arg(i), 0);
      return 2;
    }
    const number = i + 1 < count ? parse(arg(i + 1)) : -1;
    if (number < 0) return misused(USAGE);
    if (timed) ms = number;
  }
  for (let i = 1; i < count; i += 2) {
    for (let copies = same(arg(i), "--ms") ? 0 : parse(arg(i + 1)); copies > 0; copies--) {
      const started = start_kind(kind_of(arg(i)), workers++, group);
      if (started < 0) return give_up(group);
      group = started;
    }
  }
  for (let kind = workers ? KINDS : 0; kind < KINDS; kind++) {
    const started = start_kind(kind, workers++, group);
    if (started < 0) return give_up(group);
    group = started;
  }
  const until = clock_ms() + ms;
  for (let left = ms; left > 0; left = until - clock_ms()) nanosleep(min(left, SLICE_MS) * 1000000);
  return finish(group, workers);
}

const KINDS = 7;

function kind_of(option: usize): i32 {
  if (same(option, "--calls")) return 0;
  if (same(option, "--pipes")) return 1;
  if (same(option, "--forks")) return 2;
  if (same(option, "--timers")) return 3;
  if (same(option, "--locks")) return 4;
  if (same(option, "--memory")) return 5;
  return same(option, "--files") ? 6 : -1;
}

/** Starts one worker in `group`, or the first of a new one; gives the group, or -1. */
function start_kind(kind: i32, number: i32, group: i32): i32 {
  let length = 0;
  if (kind == 0) length = ascii("call_hammer", ARGV);
  else if (kind == 1) length = ascii("pipes", ARGV);
  else if (kind == 2) length = ascii("spawner", ARGV);
  else if (kind == 3) length = ascii("sleeper", ARGV);
  else if (kind == 4) length = ascii("lock_contender", ARGV);
  else if (kind == 5) length = ascii("churn", ARGV);
  else length = ascii("files", ARGV);
  store<u8>(ARGV + length, 0);
  const digits = decimal(number + 1, ARGV + length + 1);
  store<u8>(ARGV + length + 1 + digits, 0);
  plan(ARGV, length + digits + 2, -1, -1, -1, group);
  const pid = spawn_planned(ARGV, length);
  return pid < 0 ? -1 : group ? group : pid;
}

/** A worker could not be started: the others end. */
function give_up(group: i32): i32 {
  if (group > 0) kill(-group, SIGKILL);
  put("stress: cannot start a worker\n");
  flush();
  return 1;
}

/** Ends the workers: every one should have run until now. */
function finish(group: i32, workers: i32): i32 {
  kill(-group, SIGKILL);
  let failed = 0;
  for (let i = 0; i < workers; i++) {
    if (wait_for(-group, STATUS, 0) < 0 || load<i32>(STATUS) != SIGKILL) failed++;
  }
  put("stress: ");
  put_number(workers);
  put(failed ? " workers, failed: " : " workers, all well");
  if (failed) put_number(failed);
  put("\n");
  flush();
  return failed ? 1 : 0;
}

/** Calls that would end, block, or speak for this process. */
function is_safe(nr: i32): bool {
  return (
    nr != SYS_EXIT && nr != SYS_SPAWN && nr != SYS_WAIT && nr != SYS_NANOSLEEP && nr != SYS_KILL && nr != SYS_READ && nr != SYS_WRITE && nr != SYS_LOG &&
    nr != SYS_SPLICE && nr != SYS_SPAWNV && nr != SYS_SIGNAL && nr != SYS_THREAD && nr != SYS_BENCH && nr != SYS_IOCTL && nr != SYS_FUTEX
  );
}

/** System calls with numbers and arguments as they come. Whatever they answer, the next is made. */
export function call_hammer(seed: i32): i32 {
  if (!takes_number("call_hammer [SEED]")) return answered;
  store<u32>(SEED, seed + 1);
  while (true) {
    const nr = random(SEED, 64) - 2;
    if (is_safe(nr)) raw(nr, word(), word(), word());
    else raw(SYS_WRITE, 3 + random(SEED, 8), -64 - random(SEED, 4096), random(SEED, 4096));
  }
}

/** Small numbers, addresses in and beyond the window, and anything. */
function word(): i32 {
  const kind = random(SEED, 4);
  if (kind == 0) return random(SEED, 16) - 1;
  if (kind == 1) return <i32>BUFFER + random(SEED, BUFFER_SIZE);
  return kind == 2 ? -random(SEED, 8192) : random(SEED, i32.MAX_VALUE);
}

/** Takes and gives back memory of the kernel's, by pipes that are filled and closed. */
export function churn(seed: i32): i32 {
  if (!takes_number("churn [SEED]")) return answered;
  store<u32>(SEED, seed + 1);
  while (true) {
    if (pipe(FDS) != 0) return 1;
    for (let chunks = random(SEED, 32); chunks > 0; chunks--) if (write(load<i32>(FDS, 4), BUFFER, BUFFER_SIZE) != BUFFER_SIZE) return 1;
    if (close(load<i32>(FDS)) != 0 || close(load<i32>(FDS, 4)) != 0) return 1;
  }
}

const LOCK: usize = memory.data(4);
const INSIDE: usize = memory.data(4);
const CONTENDERS = 3;

/** Threads that want one lock; two inside at once are a failure. */
export function lock_contender(argument: i32): i32 {
  if (!takes_number("lock_contender")) return answered;
  for (let i = 0; i < CONTENDERS; i++) if (thread("contend", i) < 0) return 1;
  return contend(argument);
}

export function contend(argument: i32): i32 {
  if (!takes_number("contend")) return answered;
  while (true) {
    mutex_lock(LOCK);
    if (load<i32>(INSIDE) != 0) break;
    store<i32>(INSIDE, 1);
    yield_cpu();
    store<i32>(INSIDE, 0);
    mutex_unlock(LOCK);
  }
  kill(getpid(), 11); // the failure of a thread is that of all
  return 1;
}
