/** Tasks keep their stacks when they move, and end as they should. */
import { clock_ns } from "../../kernel/cpu/clock";
import { cpu_id } from "../../kernel/cpu/percpu";
import { kfree, kmalloc } from "../../kernel/mm/slab";
import { wait_for_child } from "../../kernel/process/exit";
import { ANY_CPU, kthread_run, kthread_should_stop, kthread_stop } from "../../kernel/process/kthread";
import { schedule, yield_cpu } from "../../kernel/sched/core";
import { task_count } from "../../kernel/sched/tasklist";
import { WaitQueue, finish_wait, prepare_to_wait, wait_queue_init, wake_up_all } from "../../kernel/sched/wait";
import { sleep_until } from "../../kernel/sched/timer";
import { set_current_state } from "../../kernel/sched/task";
import { TASK_INTERRUPTIBLE, TASK_RUNNING, TASK_UNINTERRUPTIBLE } from "../../kernel/abi";
import { join_threads, run_threads, start_threads, word } from "./harness";

/** Adds up what each level kept in its locals across a switch. */
function climb(level: i32, seed: i32): i32 {
  const mine = seed * 31 + level;
  const big: i64 = <i64>mine * 1000003;
  const share: f64 = <f64>mine / 2;
  atomic.or<i32>(word(0), 1 << cpu_id);
  if (level & 1) yield_cpu();
  else sleep_until(clock_ns() + 1000);
  const above = level ? climb(level - 1, seed) : 0;
  if (big != <i64>mine * 1000003 || share * 2 != <f64>mine) return -1000000;
  return above + mine;
}

function climber(argument: i32): i32 {
  for (let round = 0; round < 3; round++) {
    if (climb(7, argument) != 8 * 31 * argument + 28) return 1;
  }
  return 0;
}

/** Live stacks survive every switch, on whatever CPU they go on. */
export function test_migration(): i32 {
  return run_threads(5, climber);
}

function exits_with(argument: i32): i32 {
  if (argument & 1) yield_cpu();
  return argument + 1;
}

/** A parent gets each child once, with its code. */
export function test_exit_and_wait(): i32 {
  const status = kmalloc(4);
  let seen = 0;
  start_threads(4, exits_with);
  for (let i = 0; i < 4; i++) {
    const pid = wait_for_child(-1, status, 0);
    seen |= 1 << (load<i32>(status) >> 8);
    if (pid <= 0) seen = -1;
  }
  const none = wait_for_child(-1, status, 0);
  kfree(status);
  if (seen != 0b11110) return 1;
  return none < 0 ? 0 : 2;
}

function abandons(argument: i32): i32 {
  start_threads(2, exits_with);
  return 0;
}

/** Children outlive their parent and are reaped by pid 1: the audit would find them. */
export function test_orphans(): i32 {
  return run_threads(2, abandons);
}

function stoppable(argument: i32): i32 {
  while (true) {
    set_current_state(TASK_INTERRUPTIBLE);
    if (kthread_should_stop()) break;
    schedule();
  }
  set_current_state(TASK_RUNNING);
  return 42;
}

/** A kernel thread that sleeps is told to stop and does. */
export function test_kthread_stop(): i32 {
  for (let i = 0; i < 3; i++) {
    const thread = kthread_run(stoppable, i, "stoppable", ANY_CPU);
    if (i & 1) yield_cpu();
    if (kthread_stop(thread) != 42) return i + 1;
  }
  return join_threads(0);
}

const MANY = 10000;

/** Counts itself in and sleeps until the gate opens. */
function one_of_many(argument: i32): i32 {
  atomic.add<i32>(word(16), 1);
  while (true) {
    prepare_to_wait(gate(), TASK_UNINTERRUPTIBLE);
    if (atomic.load<i32>(word(17))) break;
    schedule();
  }
  finish_wait(gate());
  return 0;
}

function gate(): WaitQueue {
  return changetype<WaitQueue>(word(32));
}

/** Needs 40 MB: run by a test of its own, not with the others. */
export function test_ten_thousand_tasks(): i32 {
  wait_queue_init(gate(), "gate");
  if (start_threads(MANY, one_of_many) != MANY) return 1;
  while (atomic.load<i32>(word(16)) != MANY) yield_cpu();
  if (task_count() < MANY) return 2;
  atomic.store<i32>(word(17), 1);
  wake_up_all(gate());
  return join_threads(MANY);
}

function napper(argument: i32): i32 {
  const start = clock_ns();
  if (sleep_until(start + <f64>(argument + 1) * 10000)) return 1;
  return clock_ns() >= start + <f64>(argument + 1) * 10000 ? 0 : 2;
}

/** Nobody wakes early, everybody wakes. */
export function test_timers(): i32 {
  return run_threads(6, napper);
}
