/**
 * System calls on processes and time.
 */
import { EFAULT, EINVAL, ERESTART } from "../abi";
import { clock_ns } from "../cpu/clock";
import { is_error } from "../fs/open";
import { log_begin, log_bytes, log_end, log_num, log_str } from "../lib/printk";
import { kfree, kmalloc } from "../mm/slab";
import { copy_to_user, user_range } from "../mm/uaccess";
import { do_exit, wait_for_child } from "../process/exit";
import { kill } from "../process/signal";
import { spawn } from "../process/user";
import { yield_cpu } from "../sched/core";
import { current } from "../sched/task";
import { sleep_until } from "../sched/timer";
import { path_from_user } from "./file_calls";

/** () → pid */
export function sys_getpid(a: i32, b: i32, c: i32): i32 {
  return current().pid;
}

/** () → 0 */
export function sys_yield(a: i32, b: i32, c: i32): i32 {
  yield_cpu();
  return 0;
}

/** (code); does not return */
export function sys_exit(code: i32, b: i32, c: i32): i32 {
  do_exit((code & 255) << 8);
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

/** (pid or -1, status* or 0) → pid */
export function sys_wait(pid: i32, status: i32, c: i32): i32 {
  if (status && !user_range(status, 4)) return -EFAULT;
  const word = kmalloc(4);
  const child = wait_for_child(pid, word, false);
  if (child > 0 && status) copy_to_user(status, word, 4);
  kfree(word);
  return child;
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
