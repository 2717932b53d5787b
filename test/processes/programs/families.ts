/** Children, their ends, and who learns of them. */
import { ECHILD, SIGCHLD, SIGKILL, SIG_IGN, WNOHANG } from "../../../kernel/abi";
import { getpid, kill, nanosleep, spawn, wait } from "../../../kernel/user/lib";
import { getppid, signal, wait_for } from "../../../kernel/user/process";

const STATUS: usize = memory.data(4);

export function statuses(argument: i32): i32 {
  if (wait(spawn("leaf", 7), STATUS) < 0 || load<i32>(STATUS) != 7 << 8) return 1;
  const sleeper = spawn("sleeper", 1000000);
  kill(sleeper, SIGKILL);
  return wait(sleeper, STATUS) == sleeper && load<i32>(STATUS) == SIGKILL ? 0 : 2;
}

export function zombie_waits(argument: i32): i32 {
  const pid = spawn("leaf", 3);
  nanosleep(1000000);
  if (kill(pid, 0) != 0) return 1; // a zombie is still there
  if (wait_for(pid, STATUS, 0) != pid || load<i32>(STATUS) != 3 << 8) return 2;
  return kill(pid, 0) < 0 && wait_for(pid, STATUS, 0) == -ECHILD ? 0 : 3;
}

export function no_children(argument: i32): i32 {
  if (wait_for(-1, STATUS, WNOHANG) != -ECHILD) return 1;
  const sleeper = spawn("sleeper", 1000000);
  if (wait_for(-1, STATUS, WNOHANG) != 0) return 2;
  if (wait_for(sleeper + 1, STATUS, 0) != -ECHILD) return 3;
  kill(sleeper, SIGKILL);
  return wait_for(-1, STATUS, 0) == sleeper ? 0 : 4;
}

/** Its child leaves a grandchild behind, which looks who its parent is then. */
export function orphan(argument: i32): i32 {
  if (argument == 0) return wait(spawn("orphan", 1), STATUS) > 0 && load<i32>(STATUS) == 0 ? 0 : 1;
  return spawn("orphan_child", getpid()) > 0 ? 0 : 2;
}

export function orphan_child(parent: i32): i32 {
  for (let i = 0; i < 10000 && getppid() == parent; i++) nanosleep(10000);
  return getppid() == 1 ? 0 : 1;
}

export function ignored_children(argument: i32): i32 {
  signal(SIGCHLD, SIG_IGN);
  if (spawn("leaf", 1) < 0 || spawn("leaf", 2) < 0) return 1;
  return wait_for(-1, STATUS, 0) == -ECHILD ? 0 : 2; // it waits for the last of them, and learns nothing
}
