/**
 * Kernel code that fails, one way per row: what the host must notice and name.
 *
 * Compiled together with the kernel instead of index.ts; the order is that of test/failing-image.ts.
 */
import { TASK_UNINTERRUPTIBLE } from "../../kernel/abi";
import { cpu_relax, irq_enable } from "../../kernel/cpu/irq";
import { cpu_id } from "../../kernel/cpu/percpu";
import { context_switch } from "../../kernel/cpu/switch";
import { SELFTEST } from "../../kernel/layout";
import { panic } from "../../kernel/lib/printk";
import { SpinLock, spin_lock, spin_lock_init, spin_unlock } from "../../kernel/lock/spinlock";
import { alloc_pages, free_pages } from "../../kernel/mm/page";
import { kfree, kmalloc } from "../../kernel/mm/slab";
import { kthread_run } from "../../kernel/process/kthread";
import { preempt_disable, safepoint, schedule } from "../../kernel/sched/core";
import { set_current_state } from "../../kernel/sched/task";
import { SCRATCH } from "./harness";

type Test = () => i32;

const FAILURES: StaticArray<Test> = [
  fail_panic, fail_trap_with_lock, fail_sleep_for_ever, fail_busy_wait, fail_unknown_exit,
  fail_safepoint_with_lock, fail_safepoint_without_preemption, fail_sleep_with_lock, fail_recursive_lock, fail_foreign_unlock, fail_irq_enable,
  fail_write_to_freed_object, fail_double_kfree, fail_write_to_freed_page, fail_double_free_pages, fail_free_pages_of_other_order,
];

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

function fail_safepoint_with_lock(): i32 {
  spin_lock_init(lock(), "held");
  spin_lock(lock());
  safepoint();
  return 0;
}

function fail_safepoint_without_preemption(): i32 {
  preempt_disable();
  safepoint();
  return 0;
}

function fail_sleep_with_lock(): i32 {
  spin_lock_init(lock(), "held");
  spin_lock(lock());
  schedule();
  return 0;
}

function fail_recursive_lock(): i32 {
  spin_lock_init(lock(), "twice");
  spin_lock(lock());
  spin_lock(lock());
  return 0;
}

function fail_foreign_unlock(): i32 {
  spin_lock_init(lock(), "never taken");
  spin_unlock(lock());
  return 0;
}

function fail_irq_enable(): i32 {
  irq_enable();
  return 0;
}

/** The next to get the object notices. Its neighbour keeps the slab, in a cache that nobody else uses at rest. */
function fail_write_to_freed_object(): i32 {
  kmalloc(2000);
  const object = kmalloc(2000);
  kfree(object);
  store<u8>(object + 1999, 1);
  kmalloc(2000);
  return 0;
}

function fail_double_kfree(): i32 {
  kmalloc(2000);
  const object = kmalloc(2000);
  kfree(object);
  kfree(object);
  return 0;
}

/** A place far from any that the allocator itself uses. */
function fail_write_to_freed_page(): i32 {
  const page = alloc_pages(0);
  free_pages(page, 0);
  store<u8>(page + 1001, 1);
  alloc_pages(0);
  return 0;
}

function fail_double_free_pages(): i32 {
  const page = alloc_pages(0);
  free_pages(page, 0);
  free_pages(page, 0);
  return 0;
}

function fail_free_pages_of_other_order(): i32 {
  free_pages(alloc_pages(1), 0);
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
