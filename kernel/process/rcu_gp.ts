/**
 * rcu_gp: the kernel thread that sees to grace periods, one at a time, for all who have asked until it begins.
 *
 * A CPU that sleeps in the host, or is away, has nobody who reads, and is left alone.
 */
import { TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE } from "../abi";
import { cpu_block, cpu_id } from "../cpu/percpu";
import { is_present } from "../cpu/present";
import { MACHINE, MACHINE_CPUS, PERCPU_SLEEPING, RCU } from "../layout";
import { panic } from "../lib/printk";
import { Rcu, RcuHead, rcu, rcu_answered, rcu_ask } from "../lock/rcu";
import { schedule } from "../sched/core";
import { TF_VITAL, set_flag } from "../sched/task";
import { finish_wait, prepare_to_wait } from "../sched/wait";
import { ANY_CPU, kthread_run, kthread_should_stop } from "./kthread";

/** Starts rcu_gp. */
export function rcu_gp_start(): void {
  const thread = kthread_run(rcu_gp, 0, "rcu_gp", ANY_CPU);
  if (!changetype<usize>(thread)) panic("no memory for rcu_gp");
  set_flag(thread, TF_VITAL);
}

function rcu_gp(argument: i32): i32 {
  while (!kthread_should_stop()) {
    prepare_to_wait(rcu(), TASK_INTERRUPTIBLE);
    if (!atomic.load<usize>(RCU, offsetof<Rcu>("first")) && !kthread_should_stop()) schedule();
    finish_wait(rcu());
    const heads = atomic.xchg<usize>(RCU, 0, offsetof<Rcu>("first")); // pairs with call_rcu()
    if (!heads) continue;
    grace_period();
    run_heads(oldest_first(heads));
  }
  return 0;
}

/** Returns when each CPU has been seen outside any reader. */
function grace_period(): void {
  ask_everybody();
  for (;;) {
    prepare_to_wait(rcu(), TASK_UNINTERRUPTIBLE);
    if (!atomic.load<i32>(RCU, offsetof<Rcu>("asked"))) break; // pairs with the sub in rcu_answered()
    schedule();
  }
  finish_wait(rcu());
}

@notrace function ask_everybody(): void {
  const cpus = load<i32>(MACHINE, MACHINE_CPUS);
  atomic.store<i32>(RCU, cpus, offsetof<Rcu>("asked"));
  for (let cpu = 0; cpu < cpus; cpu++) {
    // Loaded behind the exchange of the heads; pairs with the host's store of SLEEPING before the CPU runs on.
    if (cpu == cpu_id || !is_present(cpu) || atomic.load<i32>(cpu_block(cpu), PERCPU_SLEEPING)) rcu_answered(cpu);
    else rcu_ask(cpu);
  }
}

@notrace function oldest_first(heads: usize): usize {
  let turned: usize = 0;
  while (heads) {
    const head = changetype<RcuHead>(heads);
    heads = head.next;
    head.next = turned;
    turned = changetype<usize>(head);
  }
  return turned;
}

@atomic function run_heads(heads: usize): void {
  while (heads) {
    const head = changetype<RcuHead>(heads);
    heads = head.next; // the call may free the head
    call_indirect<void>(head.fn, changetype<usize>(head));
  }
}
