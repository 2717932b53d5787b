/**
 * Kernel code that fails, one way per row: what the host must notice and name.
 *
 * Compiled together with the kernel instead of index.ts; the order is that of test/failing-image.ts.
 */
import { TASK_UNINTERRUPTIBLE } from "../../kernel/abi";
import { cpu_relax } from "../../kernel/cpu/irq";
import { cpu_id } from "../../kernel/cpu/percpu";
import { context_switch } from "../../kernel/cpu/switch";
import { SELFTEST } from "../../kernel/layout";
import { panic } from "../../kernel/lib/printk";
import { SpinLock, spin_lock, spin_lock_init, spin_unlock } from "../../kernel/lock/spinlock";
import { kthread_run } from "../../kernel/process/kthread";
import { schedule } from "../../kernel/sched/core";
import { set_current_state } from "../../kernel/sched/task";
import { SCRATCH } from "./harness";

type Test = () => i32;

const FAILURES: StaticArray<Test> = [fail_panic, fail_trap_with_lock, fail_sleep_for_ever, fail_busy_wait, fail_unknown_exit];

function lock(): SpinLock {
  return changetype<SpinLock>(SCRATCH);
}

function fail_panic(): i32 {
  panic("as the test asked");
  return 0;
}

function fail_trap_with_lock(): i32 {
  spin_lock_init(lock(), "fragile");
  spin_lock(lock());
  unreachable();
  return 0;
}

function fail_sleep_for_ever(): i32 {
  set_current_state(TASK_UNINTERRUPTIBLE);
  schedule();
  return 0;
}

function wants_lock(argument: i32): i32 {
  while (true) {
    spin_lock(lock());
    spin_unlock(lock());
  }
}

/** On two CPUs: holds a lock that a thread on the other one wants, and waits for something that nobody does. */
function fail_busy_wait(): i32 {
  spin_lock_init(lock(), "coveted");
  kthread_run(wants_lock, 0, "rival", 1 - cpu_id);
  spin_lock(lock());
  while (true) cpu_relax();
  return 0;
}

function fail_unknown_exit(): i32 {
  context_switch(99);
  return 0;
}

@sleeps function run_failure(row: i32): i32 {
  return unchecked(FAILURES[row])();
}

/** Called by the host once, before boot. */
@bare @sleeps export function selftests_register(): void {
  register(run_failure);
}

@notrace @sleeps function register(runner: (row: i32) => i32): void {
  store<i32>(SELFTEST, runner.index);
}
