/**
 * The line between user and kernel: every byte that crosses it goes through these checks.
 *
 * A user address is an offset into the task's window. Kernel threads have no window; their "user" addresses are
 * kernel addresses, so that kernel code can call the same file operations.
 */
import { EFAULT } from "../abi";
import { current } from "../sched/task";

/** Kernel address of `length` user bytes at `address`, or 0 when they do not all lie in the window. */
@notrace export function user_range(address: usize, length: i32): usize {
  const task = current();
  if (!task.window) return address;
  if (length < 0 || <u64>address + <u64>length > <u64>task.window_bytes) return 0;
  return task.window + address;
}

/** Copies from the user; 0 or -EFAULT, then nothing was copied. */
@notrace export function copy_from_user(to: usize, from: usize, length: i32): i32 {
  const source = user_range(from, length);
  if (!source) return -EFAULT;
  memory.copy(to, source, length);
  return 0;
}

/** Copies to the user; 0 or -EFAULT, then nothing was copied. */
@notrace export function copy_to_user(to: usize, from: usize, length: i32): i32 {
  const target = user_range(to, length);
  if (!target) return -EFAULT;
  memory.copy(target, from, length);
  return 0;
}
