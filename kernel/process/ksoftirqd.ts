/**
 * ksoftirqd/N: the kernel thread of a CPU that runs softirqs which interrupts were not allowed to go on with.
 *
 * It takes its turn like any task, so a stream of softirqs cannot keep tasks from running.
 */
import { TASK_INTERRUPTIBLE } from "../abi";
import { do_softirqs } from "../cpu/irq";
import { MACHINE, MACHINE_CPUS } from "../layout";
import { panic } from "../lib/printk";
import { softirq_cpu, softirqs_pending } from "../irq/softirq";
import { schedule } from "../sched/core";
import { TF_VITAL, set_flag } from "../sched/task";
import { finish_wait, prepare_to_wait } from "../sched/wait";
import { kthread_parkme, kthread_run, kthread_should_park, kthread_should_stop } from "./kthread";

/** Starts the ksoftirqd of every CPU. */
export function ksoftirqds_start(): void {
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
    const thread = kthread_run(ksoftirqd, cpu, "ksoftirqd", cpu);
    if (!changetype<usize>(thread)) panic("no memory for ksoftirqd");
    set_flag(thread, TF_VITAL);
    softirq_cpu(cpu).thread = thread;
  }
}

function ksoftirqd(cpu: i32): i32 {
  while (!kthread_should_stop()) {
    if (kthread_should_park()) kthread_parkme();
    prepare_to_wait(softirq_cpu(cpu), TASK_INTERRUPTIBLE);
    if (!softirqs_pending() && !kthread_should_park() && !kthread_should_stop()) schedule();
    finish_wait(softirq_cpu(cpu));
    if (softirqs_pending()) do_softirqs();
  }
  return 0;
}
