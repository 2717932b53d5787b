/** Threads of one process: they share window and files, and end together. */
import { EBADF, SIGKILL, SIGSEGV } from "../../../kernel/abi";
import { BUFFER, close, exit, getpid, kill, nanosleep, pipe, raw, read, spawn, wait, write } from "../../../kernel/user/lib";
import { gettid, thread } from "../../../kernel/user/process";

const STATUS: usize = memory.data(4);
const FDS: usize = memory.data(8);
const SUM: usize = memory.data(8);
const THREADS = 4;

export function share_window(argument: i32): i32 {
  if (pipe(FDS) != 0) return 1;
  for (let i = 0; i < THREADS; i++) if (thread("adder", i) < 0) return 2;
  let done = 0;
  while (done < THREADS) {
    const got = read(load<i32>(FDS), BUFFER, 16); // each writes a byte into the shared pipe
    if (got <= 0) return 3;
    done += got;
  }
  return atomic.load<i32>(SUM) == THREADS * 100 && gettid() == getpid() ? 0 : 4;
}

export function adder(index: i32): i32 {
  for (let i = 0; i < 100; i++) atomic.add<i32>(SUM, 1);
  if (gettid() == getpid()) return 1;
  write(load<i32>(FDS, 4), SUM, 1);
  return 0;
}

export function thread_sleeper(argument: i32): i32 {
  while (true) nanosleep(1000000);
}

export function exit_ends_threads(argument: i32): i32 {
  if (argument == 0) {
    const child = spawn("exit_ends_threads", 1);
    return wait(child, STATUS) == child && load<i32>(STATUS) == 9 << 8 ? 0 : 1;
  }
  for (let i = 0; i < THREADS; i++) thread("thread_sleeper", 0);
  nanosleep(100000);
  exit(9);
  return 0;
}

export function kill_ends_threads(argument: i32): i32 {
  if (argument) {
    for (let i = 0; i < THREADS; i++) thread(i & 1 ? "spinner" : "thread_sleeper", 0);
    return thread_sleeper(0);
  }
  const child = spawn("kill_ends_threads", 1);
  nanosleep(300000);
  kill(child, SIGKILL);
  return wait(child, STATUS) == child && load<i32>(STATUS) == SIGKILL ? 0 : 1;
}

/** The first thread ends with a fault of its own making while another sleeps; a fault is everybody's end. */
export function fault_ends_threads(argument: i32): i32 {
  if (argument) {
    thread("faulty", 0);
    return thread_sleeper(0);
  }
  const child = spawn("fault_ends_threads", 1);
  return wait(child, STATUS) == child && load<i32>(STATUS) == SIGSEGV ? 0 : 1;
}

export function faulty(zero: i32): i32 {
  return 7 / zero;
}

/** A thread that returns ends alone; the process goes on with what is open. */
export function leader_first(argument: i32): i32 {
  if (pipe(FDS) != 0 || thread("last_thread", 0) < 0) return 1;
  if (read(load<i32>(FDS), BUFFER, 1) != 1) return 2;
  nanosleep(100000);
  return close(load<i32>(FDS)) == 0 && close(load<i32>(FDS)) == -EBADF ? 0 : 3;
}

export function last_thread(argument: i32): i32 {
  return write(load<i32>(FDS, 4), SUM, 1) == 1 ? 0 : 1;
}
