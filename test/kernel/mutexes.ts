/** Mutexes keep others out over sleeps; completions let pass whom they should; neither loses a wake-up to a waiter that gives up. */
import { EINTR } from "../../kernel/abi";
import { Completion, complete, complete_all, completion_init, wait_for_completion, wait_for_completion_interruptible } from "../../kernel/lock/completion";
import { Mutex, mutex_init, mutex_lock, mutex_lock_interruptible, mutex_trylock, mutex_unlock } from "../../kernel/lock/mutex";
import { spin_lock, spin_unlock } from "../../kernel/lock/spinlock";
import { yield_cpu } from "../../kernel/sched/core";
import { raise_for_thread } from "../../kernel/sched/signal";
import { Task, TaskFunction, current, is_runnable } from "../../kernel/sched/task";
import { tasklist } from "../../kernel/sched/tasklist";
import { SCRATCH, join_threads, run_threads, start_threads, word } from "./harness";

const THREADS = 4;
const ROUNDS = 10;

// Words of the scratch area; the lock under test lies at its start.
const COUNT = 32;
const INSIDE = 33;
/** Tasks that wait, by argument. */
const WAITERS = 40;

function mutex(): Mutex {
  return changetype<Mutex>(SCRATCH);
}
function inner(): Mutex {
  return changetype<Mutex>(SCRATCH + 64);
}
function waiter(argument: i32): Task {
  return changetype<Task>(<usize>atomic.load<u32>(word(WAITERS + argument)));
}
function completion(): Completion {
  return changetype<Completion>(SCRATCH);
}

/** Holds the mutex over a yield; 1 when somebody else was inside too. */
function stay_inside(): i32 {
  const alone = atomic.add<i32>(word(INSIDE), 1) == 0;
  const before = load<i32>(word(COUNT));
  yield_cpu();
  store<i32>(word(COUNT), before + 1);
  atomic.sub<i32>(word(INSIDE), 1);
  return alone ? 0 : 1;
}

function locker(argument: i32): i32 {
  let wrong = 0;
  for (let i = 0; i < ROUNDS; i++) {
    mutex_lock(mutex());
    mutex_lock(inner());
    wrong += stay_inside();
    // Given back in another order than they were taken.
    mutex_unlock(mutex());
    mutex_unlock(inner());
  }
  return wrong ? 1 : 0;
}

export function test_mutexes(): i32 {
  mutex_init(mutex(), "test");
  mutex_init(inner(), "test inner");
  const result = run_threads(THREADS, locker);
  if (result) return result;
  if (!mutex_trylock(mutex()) || mutex_trylock(mutex())) return 2;
  mutex_unlock(mutex());
  if (current().mutexes) return 3;
  return load<i32>(word(COUNT)) == THREADS * ROUNDS ? 0 : 4;
}

/** A waiter says who it is before it waits, so that it can be signalled. */
function enter(argument: i32): void {
  atomic.store<u32>(word(WAITERS + argument), <u32>changetype<usize>(current()));
}

/** Waits until both waiters sleep, then sends a signal to the first of them. */
function signal_first(): void {
  for (let i = 0; i < 2; i++) {
    while (!atomic.load<u32>(word(WAITERS + i))) yield_cpu();
    while (is_runnable(waiter(i))) yield_cpu();
  }
  spin_lock(tasklist());
  raise_for_thread(waiter(0), 10);
  spin_unlock(tasklist());
}

/** Starts two waiters, the first of which may be interrupted. */
@sleeps function start_waiters(fn: TaskFunction): bool {
  store<u64>(word(WAITERS), 0);
  return start_threads(2, fn) == 2;
}

function wants_mutex(argument: i32): i32 {
  enter(argument);
  if (argument) mutex_lock(mutex());
  else {
    const error = mutex_lock_interruptible(mutex());
    if (error) return error == -EINTR ? 0 : 1;
  }
  mutex_unlock(mutex());
  return 0;
}

/** The mutex is given back while the first waiter gives up: the second gets it. */
export function test_mutex_interrupted(): i32 {
  mutex_init(mutex(), "test");
  for (let i = 0; i < ROUNDS; i++) {
    mutex_lock(mutex());
    if (!start_waiters(wants_mutex)) return 1;
    signal_first();
    mutex_unlock(mutex());
    if (join_threads(2)) return 2;
  }
  return current().mutexes ? 3 : 0;
}

function passer(argument: i32): i32 {
  wait_for_completion(completion());
  atomic.add<i32>(word(COUNT), 1);
  return 0;
}

export function test_completions(): i32 {
  completion_init(completion(), "test");
  complete(completion()); // before anybody waits
  start_threads(THREADS, passer);
  for (let i = 1; i < THREADS - 1; i++) complete(completion());
  while (atomic.load<i32>(word(COUNT)) < THREADS - 1) yield_cpu();
  for (let i = 0; i < 20; i++) yield_cpu();
  if (atomic.load<i32>(word(COUNT)) != THREADS - 1) return 1;
  complete_all(completion());
  if (join_threads(THREADS)) return 2;
  wait_for_completion(completion()); // open for good
  return load<i32>(word(COUNT)) == THREADS ? 0 : 3;
}

function wants_to_pass(argument: i32): i32 {
  enter(argument);
  if (argument) {
    wait_for_completion(completion());
    return 0;
  }
  const error = wait_for_completion_interruptible(completion());
  if (!error) complete(completion()); // it passed in place of the other
  return error && error != -EINTR ? 1 : 0;
}

/** One may pass, and comes to know while the first waiter gives up: the second passes. */
export function test_completion_interrupted(): i32 {
  for (let i = 0; i < ROUNDS; i++) {
    completion_init(completion(), "test");
    if (!start_waiters(wants_to_pass)) return 1;
    signal_first();
    complete(completion());
    if (join_threads(2)) return 2;
  }
  return 0;
}
