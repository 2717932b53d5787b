/** Spin locks keep others out, and wait queues lose no wake-up. */
import { TASK_UNINTERRUPTIBLE } from "../../kernel/abi";
import { SpinLock, spin_lock, spin_lock_init, spin_unlock } from "../../kernel/lock/spinlock";
import { schedule } from "../../kernel/sched/core";
import { WaitQueue, finish_wait, prepare_to_wait, wait_queue_init, wake_up, wake_up_all } from "../../kernel/sched/wait";
import { SCRATCH, run_threads, word } from "./harness";

const THREADS = 3;
const ROUNDS = 20;

function lock(): SpinLock {
  return changetype<SpinLock>(SCRATCH);
}

/** Reads and writes apart, with a call in between, so that two inside at once lose a count. */
function bump(): void {
  const before = load<i32>(word(8));
  store<i32>(word(9), load<i32>(word(9)) + 1);
  store<i32>(word(8), before + 1);
}

function contender(argument: i32): i32 {
  for (let i = 0; i < ROUNDS; i++) {
    spin_lock(lock());
    bump();
    spin_unlock(lock());
  }
  return 0;
}

export function test_spin_locks(): i32 {
  spin_lock_init(lock(), "test");
  const result = run_threads(THREADS, contender);
  if (result) return result;
  return load<i32>(word(8)) == THREADS * ROUNDS ? 0 : 1;
}

/** One queue per runner; word 16 says whose turn it is. */
function queue(runner: i32): WaitQueue {
  return changetype<WaitQueue>(SCRATCH + 128 + <usize>(runner * 32));
}

function take_turn(runner: i32): i32 {
  for (let round = 0; round < ROUNDS; round++) {
    while (true) {
      prepare_to_wait(queue(runner), TASK_UNINTERRUPTIBLE);
      if (atomic.load<i32>(word(16)) == runner) break;
      schedule();
    }
    finish_wait(queue(runner));
    const next = (runner + 1) % THREADS;
    atomic.store<i32>(word(16), next);
    wake_up(queue(next));
  }
  return 0;
}

/** Each waits for the one before: a single lost wake-up stops the whole ring. */
export function test_wake_up_ring(): i32 {
  for (let i = 0; i < THREADS; i++) wait_queue_init(queue(i), "ring");
  return run_threads(THREADS, take_turn);
}

function waiter(argument: i32): i32 {
  while (true) {
    prepare_to_wait(queue(0), TASK_UNINTERRUPTIBLE);
    if (atomic.load<i32>(word(16))) break;
    schedule();
  }
  finish_wait(queue(0));
  return 0;
}

function opener(argument: i32): i32 {
  if (argument != THREADS) return waiter(argument);
  atomic.store<i32>(word(16), 1);
  wake_up_all(queue(0));
  return 0;
}

export function test_wake_up_all(): i32 {
  wait_queue_init(queue(0), "gate");
  return run_threads(THREADS + 1, opener);
}
