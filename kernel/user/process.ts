/**
 * Processes as user programs start and meet them: arguments, files for a child, groups, threads, signals.
 *
 * Arguments are bytes, each with a zero behind it. A program that is called with a number gets what its first
 * argument spells.
 */
import {
  SPAWN_ARGUMENT, SPAWN_ARGV, SPAWN_ARGV_LENGTH, SPAWN_FDS, SPAWN_FLAGS, SPAWN_GROUP, SPAWN_SETSIGDEF, SPAWN_SIZE, SYS_ARGS, SYS_GETPPID,
  SYS_GETTID, SYS_SIGNAL, SYS_SPAWNV, SYS_THREAD, SYS_WAIT,
} from "../abi";
import { ascii, raw } from "./lib";

const PLAN: usize = memory.data(SPAWN_SIZE);
const NAME: usize = memory.data(32);
/** This process's own arguments, once args() was called; what does not fit is cut. */
const ARGS: usize = memory.data(1088);
const ARGS_SIZE = 1088;

/** Says what the next spawn_planned() does: arguments, descriptors for 0, 1 and 2, process group. */
export function plan(argv: usize, length: i32, input: i32, output: i32, error: i32, group: i32): void {
  store<u32>(PLAN, <u32>argv, SPAWN_ARGV);
  store<i32>(PLAN, length, SPAWN_ARGV_LENGTH);
  store<i32>(PLAN, input, SPAWN_FDS);
  store<i32>(PLAN, output, SPAWN_FDS + 4);
  store<i32>(PLAN, error, SPAWN_FDS + 8);
  store<i32>(PLAN, group, SPAWN_GROUP);
  store<i32>(PLAN, SPAWN_SETSIGDEF, SPAWN_FLAGS);
  store<i32>(PLAN, number_behind(argv, length), SPAWN_ARGUMENT);
}

/** Starts the program at `path` as planned; pid or -errno. */
export function spawn_planned(path: usize, length: i32): i32 {
  return raw(SYS_SPAWNV, <i32>path, length, <i32>PLAN);
}

/** What the second of the arguments spells, or 0. */
function number_behind(argv: usize, length: i32): i32 {
  let at = 0;
  while (at < length && load<u8>(argv + at)) at++;
  const value = parse(argv + at + 1);
  return at + 1 < length && value > 0 ? value : 0;
}

/** The number that the zero-ended text at `at` spells, or -1. */
export function parse(at: usize): i32 {
  let value = 0;
  let digits = 0;
  for (; load<u8>(at); at++) {
    const digit = <i32>load<u8>(at) - 48;
    if (<u32>digit > 9 || ++digits > 9) return -1;
    value = value * 10 + digit;
  }
  return digits ? value : -1;
}

/** Fetches this process's arguments; gives how many there are, its own name included. */
export function args(): i32 {
  const length = min(raw(SYS_ARGS, <i32>ARGS, ARGS_SIZE - 1, 0), ARGS_SIZE - 1);
  let count = 0;
  for (let i = 0; i < length; i++) if (!load<u8>(ARGS + i)) count++;
  return count;
}

/** The argument `index`, zero-ended; args() was called, and there are as many. */
export function arg(index: i32): usize {
  let at = ARGS;
  for (; index > 0; index--) {
    while (load<u8>(at)) at++;
    at++;
  }
  return at;
}

export function getppid(): i32 {
  return raw(SYS_GETPPID, 0, 0, 0);
}
export function gettid(): i32 {
  return raw(SYS_GETTID, 0, 0, 0);
}
export function signal(number: i32, disposition: i32): i32 {
  return raw(SYS_SIGNAL, number, disposition, 0);
}
/** Another thread of this process, which runs program `name`. */
export function thread(name: string, argument: i32): i32 {
  return raw(SYS_THREAD, <i32>NAME, ascii(name, NAME), argument);
}
export function wait_for(pid: i32, status: usize, options: i32): i32 {
  return raw(SYS_WAIT, pid, <i32>status, options);
}
