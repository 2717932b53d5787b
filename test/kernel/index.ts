/**
 * The self-tests' table. Compiled together with the kernel; the host asks for a row through the mailbox.
 *
 * The order is that of test/machine/selftests.ts, which gives each row its sentence; the last two are run by tests of their own.
 */
import { SELFTEST } from "../../kernel/layout";
import { clear_scratch } from "./harness";
import { test_hotplug_states, test_rounds_during_hotplug } from "./hotplug";
import {
  test_ksoftirqd_takes_over, test_line_on_its_cpu, test_masked_line, test_nesting, test_one_handler_at_a_time, test_shared_line, test_spurious_line, test_tasklets,
} from "./irq";
import { test_spin_locks, test_wake_up_all, test_wake_up_ring } from "./locks";
import { test_log_lines } from "./log";
import { test_allocators } from "./memory";
import { test_completion_interrupted, test_completions, test_mutex_interrupted, test_mutexes } from "./mutexes";
import { test_pipe_many_readers, test_pipe_transfer, test_pipe_without_reader } from "./pipes";
import { test_call_rcu, test_rcu_readers, test_rcu_with_hotplug } from "./rcu";
import { test_exit_and_wait, test_kthread_stop, test_migration, test_orphans, test_ten_thousand_tasks, test_timers } from "./tasks";
import { test_upcall_refusals, test_upcalls } from "./upcalls";
import { test_calls, test_concurrent_callers, test_queue_work, test_schedule_on_each_cpu } from "./work";

type Test = () => i32;

const TESTS: StaticArray<Test> = [
  test_spin_locks, test_wake_up_ring, test_wake_up_all, test_migration, test_exit_and_wait, test_orphans, test_kthread_stop, test_timers, test_allocators,
  test_pipe_transfer, test_pipe_without_reader, test_pipe_many_readers, test_schedule_on_each_cpu, test_concurrent_callers, test_queue_work, test_calls,
  test_line_on_its_cpu, test_shared_line, test_masked_line, test_spurious_line, test_one_handler_at_a_time, test_ksoftirqd_takes_over, test_nesting, test_tasklets,
  test_upcalls, test_upcall_refusals,
  test_hotplug_states, test_rounds_during_hotplug,
  test_mutexes, test_mutex_interrupted, test_completions, test_completion_interrupted,
  test_rcu_readers, test_call_rcu, test_rcu_with_hotplug,
  test_ten_thousand_tasks, test_log_lines,
];

@sleeps function run_test(row: i32): i32 {
  if (<u32>row >= <u32>TESTS.length) return -1;
  clear_scratch();
  return unchecked(TESTS[row])();
}

/** Called by the host once, before boot. */
@bare @sleeps export function selftests_register(): void {
  register(run_test);
}

@notrace @sleeps function register(runner: (row: i32) => i32): void {
  store<i32>(SELFTEST, runner.index);
}
