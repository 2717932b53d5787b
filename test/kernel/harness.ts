/**
 * What the in-kernel self-tests share: a scratch area, threads to start and to wait for.
 *
 * A test is a function that gives 0, or a number that says where it failed; it runs in hostd's context.
 */
import { SELFTEST, SELFTEST_SIZE } from "../../kernel/layout";
import { kfree, kmalloc } from "../../kernel/mm/slab";
import { wait_for_child } from "../../kernel/process/exit";
import { ANY_CPU, kthread_run } from "../../kernel/process/kthread";
import { TaskFunction } from "../../kernel/sched/task";

/** Shared memory of the running test; zeroed before each. */
export const SCRATCH: usize = SELFTEST + 64;

export function clear_scratch(): void {
  memory.fill(SCRATCH, 0, SELFTEST_SIZE - 64);
}

/** Starts `copies` threads with arguments 0, 1, …; how many could be started. */
@sleeps export function start_threads(copies: i32, fn: TaskFunction): i32 {
  for (let i = 0; i < copies; i++) if (!changetype<usize>(kthread_run(fn, i, "test", ANY_CPU))) return i;
  return copies;
}

/** Waits for `copies` threads; 0 when all of them exited with 0, else the first other code. */
export function join_threads(copies: i32): i32 {
  const status = kmalloc(4);
  let worst = 0;
  for (let i = 0; i < copies; i++) {
    const pid = wait_for_child(-1, status, 0);
    if (pid <= 0) worst = 99;
    else if (!worst) worst = load<i32>(status) >> 8;
  }
  kfree(status);
  return worst;
}

/** Runs `copies` threads to their end; 0, or the first exit code that is not. */
@sleeps export function run_threads(copies: i32, fn: TaskFunction): i32 {
  const started = start_threads(copies, fn);
  const result = join_threads(started);
  return started == copies ? result : 98;
}

export function word(index: i32): usize {
  return SCRATCH + (<usize>index << 2);
}
