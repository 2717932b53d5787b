/**
 * Kernel code that fails, one way per row: what the host must notice and name.
 *
 * Compiled together with the kernel instead of index.ts; the order is that of test/failing-image.ts.
 */
import { TASK_UNINTERRUPTIBLE } from "../../kernel/abi";
import { clock_ns } from "../../kernel/cpu/clock";
import { cpu_relax, irq_enable, poll } from "../../kernel/cpu/irq";
import { cpu_block, cpu_id, this_cpu } from "../../kernel/cpu/percpu";
import { context_switch } from "../../kernel/cpu/switch";
import { PERCPU_DEAF_TOLD, PERCPU_STUCK_TOLD, SELFTEST, SYSCTLS, SYSCTL_WATCHDOG_SECOND } from "../../kernel/layout";
import { panic, printk, log_report_begin, log_report_end } from "../../kernel/lib/printk";
import { SpinLock, spin_lock, spin_lock_init, spin_unlock } from "../../kernel/lock/spinlock";
import { Mutex, mutex_init, mutex_lock, mutex_trylock, mutex_unlock } from "../../kernel/lock/mutex";
import { alloc_pages, free_pages } from "../../kernel/mm/page";
import { kfree, kmalloc } from "../../kernel/mm/slab";
import { ANY_CPU, kthread_run, kthread_should_stop } from "../../kernel/process/kthread";
import { schedule_on_each_cpu } from "../../kernel/process/workqueue";
import { preempt_disable, preempt_enable, safepoint, schedule, yield_cpu } from "../../kernel/sched/core";
import { set_current_state } from "../../kernel/sched/task";
import { sleep_until } from "../../kernel/sched/timer";
import { SCRATCH, join_threads } from "./harness";

type Test = () => i32;

/** What the watchdog takes for a second here. */
const SECOND_NS: f64 = 1000000;
/** Lines that are logged beside a report. */
const CHATTER = 40;

const FAILURES: StaticArray<Test> = [
  fail_panic, fail_trap_with_lock, fail_sleep_for_ever, fail_busy_wait, fail_unknown_exit,
  fail_trap, fail_trap_with_mutex, fail_trap_in_work, fail_soft_lockup, fail_hard_lockup, fail_lockup_in_noise,
  fail_panic_in_noise,
  fail_safepoint_with_lock, fail_safepoint_without_preemption, fail_sleep_with_lock, fail_recursive_lock, fail_foreign_unlock, fail_irq_enable,
  fail_write_to_freed_object, fail_double_kfree, fail_write_to_freed_page, fail_double_free_pages, fail_free_pages_of_other_order,
  fail_foreign_mutex_unlock, fail_recursive_mutex,
  find_inversion, find_long_inversion, find_mutex_inversion, find_nested_class, find_held_mutex, find_abandoned_mutex,
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

function fail_trap(): i32 {
  unreachable();
  return 0;
}

function fail_trap_with_mutex(): i32 {
  mutex_init(mutex(0), "precious");
  mutex_lock(mutex(0));
  unreachable();
  return 0;
}

function trapping_work(cpu: i32): void {
  unreachable();
}

function fail_trap_in_work(): i32 {
  return schedule_on_each_cpu(trapping_work);
}

/** Takes interrupts, and lets nobody else run, until the watchdog has told so twice. */
function fail_soft_lockup(): i32 {
  store<f64>(SYSCTLS, SECOND_NS, SYSCTL_WATCHDOG_SECOND);
  preempt_disable();
  while (load<i32>(this_cpu, PERCPU_STUCK_TOLD) < 2) poll();
  preempt_enable();
  return 0;
}

/** Takes no interrupts, with a lock held, until the watchdog has told so. */
function deaf(argument: i32): i32 {
  spin_lock(lock());
  log_report_begin();
  store<f64>(this_cpu, 0, PERCPU_DEAF_TOLD); // a tick that came late before, on a slow computer, is not what is asked for
  log_report_end();
  while (!atomic.load<u64>(this_cpu, PERCPU_DEAF_TOLD)) continue; // pairs with log_report_end() in watchdog.ts
  spin_unlock(lock());
  return 0;
}

/** Everybody else sleeps meanwhile. */
function fail_hard_lockup(): i32 {
  store<f64>(SYSCTLS, SECOND_NS, SYSCTL_WATCHDOG_SECOND);
  spin_lock_init(lock(), "deafening");
  kthread_run(deaf, 0, "deaf", 1 - cpu_id);
  return join_threads(1);
}

/** Tells about each report of CPU `watched` while it is being told. */
function chatter(watched: i32): i32 {
  for (let report = 1; report <= 2; report++) {
    while (atomic.load<i32>(cpu_block(watched), PERCPU_STUCK_TOLD) < report) cpu_relax();
    for (let line = 0; line < CHATTER; line++) printk("chatter");
  }
  atomic.store<i32>(SCRATCH, 1); // pairs with the load in fail_lockup_in_noise()
  return 0;
}

/** A CPU is held until another one has said much beside two reports or more. */
function fail_lockup_in_noise(): i32 {
  kthread_run(chatter, cpu_id, "chatter", 1 - cpu_id);
  store<f64>(SYSCTLS, SECOND_NS, SYSCTL_WATCHDOG_SECOND);
  preempt_disable();
  while (!atomic.load<i32>(SCRATCH)) poll();
  preempt_enable();
  return join_threads(1);
}

function babble(argument: i32): i32 {
  while (load<i32>(SCRATCH) >= 0) {
    printk("babble");
    atomic.store<i32>(SCRATCH, 1); // pairs with the load in fail_panic_in_noise()
    cpu_relax();
  }
  return 0;
}

/** A CPU panics, and another one talks until it notices. */
function fail_panic_in_noise(): i32 {
  kthread_run(babble, 0, "babble", 1 - cpu_id);
  while (!atomic.load<i32>(SCRATCH)) poll();
  panic("over all the noise");
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

@inline function mutex(number: i32): Mutex {
  return changetype<Mutex>(SCRATCH + 256 + <usize>(number * 64));
}

function holds_mutex(argument: i32): i32 {
  mutex_lock(mutex(0));
  while (!kthread_should_stop()) sleep_until(clock_ns() + 1000000000);
  return 0;
}

/** A thread that sleeps and holds mutex 0. */
function start_holder(): void {
  mutex_init(mutex(0), "precious");
  kthread_run(holds_mutex, 0, "keeper", ANY_CPU);
  while (mutex_trylock(mutex(0))) {
    mutex_unlock(mutex(0));
    yield_cpu();
  }
}

function fail_foreign_mutex_unlock(): i32 {
  start_holder();
  mutex_unlock(mutex(0));
  return 0;
}

function fail_recursive_mutex(): i32 {
  mutex_init(mutex(0), "twice");
  mutex_lock(mutex(0));
  mutex_lock(mutex(0));
  return 0;
}

@inline function numbered(number: i32): SpinLock {
  return changetype<SpinLock>(SCRATCH + <usize>(number * 16));
}

/** Takes `inner` with `outer` held. */
function take_two(outer: SpinLock, inner: SpinLock): void {
  spin_lock(outer);
  spin_lock(inner);
  spin_unlock(inner);
  spin_unlock(outer);
}

/** Never at once: nothing hangs, and yet it could. */
function find_inversion(): i32 {
  spin_lock_init(numbered(0), "alpha");
  spin_lock_init(numbered(1), "beta");
  take_two(numbered(0), numbered(1));
  take_two(numbered(1), numbered(0));
  take_two(numbered(1), numbered(0));
  return 0;
}

function takes_pair(argument: i32): i32 {
  take_two(numbered(argument), numbered((argument + 1) % 3));
  return 0;
}

/** Three threads, one after the other, each with a pair of its own. */
function find_long_inversion(): i32 {
  spin_lock_init(numbered(0), "alpha");
  spin_lock_init(numbered(1), "beta");
  spin_lock_init(numbered(2), "gamma");
  kthread_run(takes_pair, 0, "first", ANY_CPU);
  join_threads(1);
  kthread_run(takes_pair, 1, "second", ANY_CPU);
  join_threads(1);
  kthread_run(takes_pair, 2, "third", ANY_CPU);
  return join_threads(1);
}

function find_mutex_inversion(): i32 {
  mutex_init(mutex(0), "alpha");
  mutex_init(mutex(1), "beta");
  for (let first = 0; first < 2; first++) {
    mutex_lock(mutex(first));
    mutex_lock(mutex(1 - first));
    mutex_unlock(mutex(1 - first));
    mutex_unlock(mutex(first));
  }
  return 0;
}

function find_nested_class(): i32 {
  spin_lock_init(numbered(0), "sibling");
  spin_lock_init(numbered(1), "sibling");
  take_two(numbered(0), numbered(1));
  return 0;
}

function find_held_mutex(): i32 {
  start_holder();
  return 0;
}

function leaves_mutex(argument: i32): i32 {
  mutex_lock(mutex(0));
  return 0;
}

function find_abandoned_mutex(): i32 {
  mutex_init(mutex(0), "precious");
  kthread_run(leaves_mutex, 0, "forgetful", ANY_CPU);
  return join_threads(1);
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
