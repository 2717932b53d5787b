/** Signals: what they do by default, what being ignored does, and to whom they go. */
import { EINVAL, EPERM, EPIPE, ESRCH, SIGCONT, SIGKILL, SIGPIPE, SIGSTOP, SIGTERM, SIG_DFL, SIG_IGN, WNOHANG, WUNTRACED } from "../../../kernel/abi";
import { BUFFER, close, getpid, kill, nanosleep, pipe, read, spawn, wait, write } from "../../../kernel/user/lib";
import { plan, signal, spawn_planned, wait_for } from "../../../kernel/user/process";
import { ascii } from "../../../kernel/user/lib";

const STATUS: usize = memory.data(4);
const FDS: usize = memory.data(8);
const PATH: usize = memory.data(32);

export function kill_sleeper(argument: i32): i32 {
  const sleeper = spawn("sleeper", 1000000);
  nanosleep(100000);
  kill(sleeper, SIGTERM);
  if (wait(sleeper, STATUS) != sleeper || load<i32>(STATUS) != SIGTERM) return 1;
  const spinner = spawn("spinner", 0); // never enters the kernel
  kill(spinner, SIGKILL);
  return wait(spinner, STATUS) == spinner && load<i32>(STATUS) == SIGKILL ? 0 : 2;
}

export function stop_and_go(argument: i32): i32 {
  const child = spawn("spinner", 0);
  for (let round = 0; round < 3; round++) {
    kill(child, SIGSTOP);
    if (wait_for(child, STATUS, WUNTRACED) != child || load<i32>(STATUS) != (SIGSTOP << 8 | 0x7f)) return 1;
    if (wait_for(child, STATUS, WUNTRACED | WNOHANG) != 0) return 2; // told once
    kill(child, SIGTERM);
    nanosleep(100000);
    if (round < 2) return (kill(child, SIGCONT), wait(child, STATUS)) == child && load<i32>(STATUS) == SIGTERM ? again(round) : 3;
  }
  return 0;
}

/** A stop that is continued at once is no end. */
function again(round: i32): i32 {
  const child = spawn("leaf", 5);
  kill(child, SIGSTOP);
  kill(child, SIGCONT);
  return wait(child, STATUS) == child && load<i32>(STATUS) == 5 << 8 ? 0 : 4;
}

/** A read that was stopped in its sleep goes on as if nothing had been. */
export function stop_reader(argument: i32): i32 {
  if (pipe(FDS) != 0) return 1;
  const child = spawn("quiet_reader", load<i32>(FDS));
  nanosleep(200000);
  kill(child, SIGSTOP);
  if (wait_for(child, STATUS, WUNTRACED) != child) return 2;
  if (write(load<i32>(FDS, 4), BUFFER, 5) != 5) return 3;
  nanosleep(200000);
  if (wait_for(child, STATUS, WNOHANG) != 0) return 4;
  kill(child, SIGCONT);
  return wait(child, STATUS) == child && load<i32>(STATUS) == 5 << 8 ? 0 : 5;
}

export function quiet_reader(fd: i32): i32 {
  return read(fd, BUFFER, 100);
}

export function kill_stopped(argument: i32): i32 {
  const child = spawn("sleeper", 1000);
  kill(child, SIGSTOP);
  if (wait_for(child, STATUS, WUNTRACED) != child) return 1;
  kill(child, SIGKILL);
  return wait(child, STATUS) == child && load<i32>(STATUS) == SIGKILL ? 0 : 2;
}

export function ignore_signals(argument: i32): i32 {
  if (signal(SIGTERM, SIG_IGN) != SIG_DFL || signal(SIGTERM, SIG_IGN) != SIG_IGN) return 1;
  kill(getpid(), SIGTERM);
  const child = spawn("stubborn", 0); // what the parent ignores, the child ignores
  kill(child, SIGTERM);
  nanosleep(100000);
  if (wait_for(child, STATUS, WNOHANG) != 0) return 2;
  kill(child, SIGKILL);
  if (wait(child, STATUS) != child || load<i32>(STATUS) != SIGKILL) return 3;
  plan(0, 0, -1, -1, -1, -1);
  const other = spawn_planned(PATH, ascii("/bin/stubborn", PATH)); // a planned one ignores nothing
  kill(other, SIGTERM);
  return wait(other, STATUS) == other && load<i32>(STATUS) == SIGTERM ? 0 : 4;
}

export function stubborn(argument: i32): i32 {
  while (true) nanosleep(1000000);
}

export function broken_pipe(argument: i32): i32 {
  if (pipe(FDS) != 0) return 1;
  close(load<i32>(FDS));
  const child = spawn("broken_pipe_writer", load<i32>(FDS, 4));
  if (wait(child, STATUS) != child || load<i32>(STATUS) != SIGPIPE) return 2;
  signal(SIGPIPE, SIG_IGN);
  return write(load<i32>(FDS, 4), BUFFER, 1) == -EPIPE ? 0 : 3;
}

export function broken_pipe_writer(fd: i32): i32 {
  write(fd, BUFFER, 1);
  return 1;
}

export function groups(argument: i32): i32 {
  plan(0, 0, -1, -1, -1, 0);
  const first = spawn_planned(PATH, ascii("stubborn", PATH));
  plan(0, 0, -1, -1, -1, first);
  const second = spawn_planned(PATH, ascii("stubborn", PATH));
  const outside = spawn("stubborn", 0);
  if (first < 0 || second < 0 || outside < 0) return 1;
  if (kill(-first, SIGTERM) != 0) return 2;
  if (wait_for(-first, STATUS, 0) < 0 || wait_for(-first, STATUS, 0) < 0 || wait_for(-first, STATUS, 0) >= 0) return 3;
  if (kill(-first, SIGTERM) != -ESRCH) return 4;
  kill(outside, SIGKILL);
  return wait(-1, STATUS) == outside ? 0 : 5;
}

export function bad_signals(argument: i32): i32 {
  if (kill(getpid(), 65) != -EINVAL || kill(getpid(), -1) != -EINVAL || kill(getpid(), 0) != 0) return 1;
  if (kill(16383, SIGTERM) != -ESRCH || kill(1, SIGKILL) != -EPERM) return 2;
  if (signal(SIGKILL, SIG_IGN) != -EINVAL || signal(SIGSTOP, SIG_IGN) != -EINVAL) return 3;
  if (signal(0, SIG_IGN) != -EINVAL || signal(65, SIG_IGN) != -EINVAL || signal(SIGTERM, 2) != -EINVAL) return 4;
  return wait_for(-1, STATUS, 4) == -EINVAL ? 0 : 5;
}
