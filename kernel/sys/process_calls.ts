/**
 * System calls on processes and time.
 */
import { ARG_MAX, E2BIG, EFAULT, EINVAL, ENOMEM, ENOSYS, ERESTART, FUTEX_WAIT, FUTEX_WAKE, SPAWN_ARGV, SPAWN_ARGV_LENGTH, SPAWN_SIZE, WNOHANG, WUNTRACED } from "../abi";
import { clock_ns } from "../cpu/clock";
import { is_error } from "../fs/inode";
import { log_begin, log_bytes, log_end, log_num, log_str } from "../lib/printk";
import { futex_wait, futex_wake } from "../lock/futex";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { kfree, kmalloc } from "../mm/slab";
import { copy_from_user, copy_to_user, user_range } from "../mm/uaccess";
import { exit_group, wait_for_child } from "../process/exit";
import { kill, set_disposition } from "../process/signal";
import { spawn, spawn_thread, spawn_with } from "../process/user";
import { yield_cpu } from "../sched/core";
import { current } from "../sched/task";
import { tasklist } from "../sched/tasklist";
import { sleep_until } from "../sched/timer";
import { path_from_user } from "./path_calls";

/** () → pid */
export function sys_getpid(a: i32, b: i32, c: i32): i32 {
  return current().leader.pid;
}

/** () → pid of the parent, 0 without */
export function sys_getppid(a: i32, b: i32, c: i32): i32 {
  spin_lock(tasklist());
  const parent = current().leader.parent;
  const pid = changetype<usize>(parent) ? parent.pid : 0;
  spin_unlock(tasklist());
  return pid;
}

/** () → tid */
export function sys_gettid(a: i32, b: i32, c: i32): i32 {
  return current().pid;
}

/** () → 0 */
export function sys_yield(a: i32, b: i32, c: i32): i32 {
  yield_cpu();
  return 0;
}

/** (code); does not return */
export function sys_exit(code: i32, b: i32, c: i32): i32 {
  exit_group((code & 255) << 8);
  return 0;
}

/** (name, length, argument) → pid */
export function sys_spawn(address: i32, length: i32, argument: i32): i32 {
  const name = path_from_user(address, length);
  if (is_error(name)) return <i32>name;
  const pid = spawn(name, length, argument);
  kfree(name);
  return pid;
}

/** (path, length, SPAWN_* block*) → pid */
export function sys_spawnv(address: i32, length: i32, block: i32): i32 {
  const plan = kmalloc(SPAWN_SIZE);
  if (!plan) return -ENOMEM;
  const result = copy_from_user(plan, block, SPAWN_SIZE) ? -EFAULT : spawn_as_planned(address, length, plan);
  kfree(plan);
  return result;
}

function spawn_as_planned(address: i32, length: i32, plan: usize): i32 {
  const path = path_from_user(address, length);
  if (is_error(path)) return <i32>path;
  const args = args_from_user(load<i32>(plan, SPAWN_ARGV), load<i32>(plan, SPAWN_ARGV_LENGTH));
  const pid = is_error(args) ? <i32>args : spawn_with(path, length, plan, args);
  if (pid < 0 && !is_error(args)) kfree(args);
  kfree(path);
  return pid;
}

/** A kernel copy of a process's arguments, 0 for none, or a negative errno. */
function args_from_user(address: i32, length: i32): usize {
  if (length == 0) return 0;
  if (<u32>length > <u32>ARG_MAX) return <usize>-E2BIG;
  const args = kmalloc(length);
  if (!args) return <usize>-ENOMEM;
  const error = copy_from_user(args, address, length) ? -EFAULT : load<u8>(args + length - 1) ? -EINVAL : 0;
  if (!error) return args;
  kfree(args);
  return <usize>error;
}

/** (buffer, room) → bytes of the arguments; as many as fit are copied */
export function sys_args(buffer: i32, room: i32, c: i32): i32 {
  const process = current().leader;
  if (room < 0) return -EINVAL;
  return copy_to_user(buffer, process.args, min(room, process.args_length)) ? -EFAULT : process.args_length;
}

/** (program, length, argument) → tid */
export function sys_thread(address: i32, length: i32, argument: i32): i32 {
  const name = path_from_user(address, length);
  if (is_error(name)) return <i32>name;
  const tid = spawn_thread(name, length, argument);
  kfree(name);
  return tid;
}

/** (pid, status* or 0, W*) → pid */
export function sys_wait(pid: i32, status: i32, options: i32): i32 {
  if (options & ~(WNOHANG | WUNTRACED)) return -EINVAL;
  if (status && !user_range(status, 4)) return -EFAULT;
  const word = kmalloc(4);
  if (!word) return -ENOMEM;
  const child = wait_for_child(pid, word, options);
  if (child > 0 && status) copy_to_user(status, word, 4);
  kfree(word);
  return child;
}

/** (signal, SIG_*) → what it was */
export function sys_signal(signal: i32, disposition: i32, c: i32): i32 {
  return set_disposition(signal, disposition);
}

/** (ns) → 0 */
export function sys_nanosleep(ns: i32, b: i32, c: i32): i32 {
  if (ns < 0) return -EINVAL;
  const task = current();
  const until = task.restart_at ? task.restart_at : clock_ns() + <f64>ns;
  const result = sleep_until(until);
  task.restart_at = result == -ERESTART ? until : 0; // made again, it ends when the first call would have
  return result;
}

/** (pid, signal) → 0 */
export function sys_kill(pid: i32, signal: i32, c: i32): i32 {
  return kill(pid, signal);
}

/** (word*, FUTEX_*, value) → 0, or how many were woken */
export function sys_futex(address: i32, op: i32, value: i32): i32 {
  if (address & 3) return -EINVAL;
  const word = user_range(address, 4);
  if (!word) return -EFAULT;
  if (op == FUTEX_WAIT) return futex_wait(word, value);
  return op == FUTEX_WAKE ? futex_wake(word, value) : -ENOSYS;
}

/** () → ms since boot */
export function sys_clock(a: i32, b: i32, c: i32): i32 {
  return <i32>(clock_ns() / 1000000);
}

/** (text, length): a line in the kernel log → 0 */
export function sys_log(address: i32, length: i32, c: i32): i32 {
  const text = user_range(address, length);
  if (!text) return -EFAULT;
  log_begin();
  log_str("[");
  log_num(current().pid);
  log_str("] ");
  log_bytes(text, length);
  log_end();
  return 0;
}
