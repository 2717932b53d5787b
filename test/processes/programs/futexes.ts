/** Locks of words in the window. */
import { EAGAIN, EFAULT, EINVAL, ENOSYS, FUTEX_WAIT, FUTEX_WAKE } from "../../../kernel/abi";
import { nanosleep } from "../../../kernel/user/lib";
import { futex, mutex_lock, mutex_unlock } from "../../../kernel/user/mutex";
import { thread } from "../../../kernel/user/process";

const LOCK: usize = memory.data(4);
const COUNT: usize = memory.data(4);
const DONE: usize = memory.data(4);
const THREADS = 4;
const ROUNDS = 30;

export function futex_excludes(argument: i32): i32 {
  for (let i = 0; i < THREADS; i++) if (thread("futex_thread", i) < 0) return 1;
  for (let done = 0; done < THREADS; done = atomic.load<i32>(DONE)) futex(DONE, FUTEX_WAIT, done);
  return load<i32>(COUNT) == THREADS * ROUNDS ? 0 : 2;
}

export function futex_thread(argument: i32): i32 {
  for (let i = 0; i < ROUNDS; i++) {
    mutex_lock(LOCK);
    const before = load<i32>(COUNT);
    if (i % 8 == 0) nanosleep(20000);
    store<i32>(COUNT, before + 1);
    mutex_unlock(LOCK);
  }
  atomic.add<i32>(DONE, 1);
  futex(DONE, FUTEX_WAKE, 1);
  return 0;
}

export function futex_refuses(argument: i32): i32 {
  if (futex(LOCK, FUTEX_WAIT, 1) != -EAGAIN || futex(LOCK, FUTEX_WAKE, 1) != 0) return 1;
  if (futex(LOCK + 1, FUTEX_WAIT, 0) != -EINVAL || futex(0xfffffff0, FUTEX_WAIT, 0) != -EFAULT) return 2;
  return futex(LOCK, 99, 0) == -ENOSYS ? 0 : 3;
}
