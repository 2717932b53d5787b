/**
 * The idle task of a CPU: runs whatever comes, and leaves for the host to sleep when nothing does.
 */
import { EXIT_IDLE, EXIT_OFFLINE } from "../abi";
import { cpu_relax, irq_disable, irq_enable, need_resched, poll } from "../cpu/irq";
import { cpu_block, cpu_id, this_cpu } from "../cpu/percpu";
import { is_active } from "../cpu/present";
import { context_switch } from "../cpu/switch";
import { PERCPU_DYING, PERCPU_IDLE_TASK, PERCPU_IDLE_UNTIL, PERCPU_ONLINE, PERCPU_TICK_SENT } from "../layout";
import { kgr_idle_safe } from "../livepatch/universe";
import { panic } from "../lib/printk";
import { leave_for_host, schedule } from "../sched/core";
import { close_for_good, has_queued, pull_task, push_tasks } from "../sched/runqueue";
import { TF_IDLE, TF_KTHREAD, TF_PINNED, Task, stack_base } from "../sched/task";
import { alloc_task, set_entry } from "../sched/tasklist";
import { next_expiry } from "../sched/timer";
import { graph_forget } from "../trace/graph";

/** Makes the idle task of `cpu`: it has no pid and no parent. */
export function idle_init(cpu: i32): void {
  const task = alloc_task();
  if (!changetype<usize>(task)) panic("no memory for idle tasks");
  task.cpu = cpu;
  task.on_rq = 1;
  set_entry(task, idle_main, cpu);
  task.name_0 = 0x656c6469; // "idle"
  store<u32>(cpu_block(cpu), <u32>changetype<usize>(task), PERCPU_IDLE_TASK);
  idle_reset(cpu);
}

/** The idle task of a CPU that is away: it will start from the beginning, and until then nothing is on its stack. */
export function idle_reset(cpu: i32): void {
  const task = idle_of(cpu);
  task.flags = TF_IDLE | TF_KTHREAD | TF_PINNED;
  task.on_cpu = 1;
  task.stack_pos = stack_base(task);
  graph_forget(task);
  store<f64>(cpu_block(cpu), 0, PERCPU_TICK_SENT); // a tick that it left behind is nobody's any more
}

@inline function idle_of(cpu: i32): Task {
  return changetype<Task>(<usize>load<u32>(cpu_block(cpu), PERCPU_IDLE_TASK));
}

/**
 * The last look comes with interrupts off: what an interrupt queued before it is seen by it, and what is queued after
 * it raises PENDING, on which the host does not sleep.
 */
function idle_main(argument: i32): i32 {
  atomic.store<i32>(this_cpu, 1, PERCPU_ONLINE);
  atomic.notify(this_cpu + PERCPU_ONLINE, i32.MAX_VALUE); // pairs with the host's wait at the end of the boot
  while (true) {
    poll();
    leave_for_host();
    kgr_idle_safe();
    if (!is_active(cpu_id)) push_tasks();
    if (need_resched() || has_queued(cpu_id) || pull_task()) {
      schedule();
      if (has_queued(cpu_id)) cpu_relax(); // all that is queued is still being saved elsewhere
      continue;
    }
    if (atomic.load<i32>(this_cpu, PERCPU_DYING)) leave_for_good();
    irq_disable();
    store<f64>(this_cpu, next_expiry(), PERCPU_IDLE_UNTIL);
    if (!need_resched() && !has_queued(cpu_id)) context_switch(EXIT_IDLE);
    irq_enable();
  }
}

/** Nothing is queued, and everything that stays here has parked: the CPU goes. It does not come back here. */
@notrace function leave_for_good(): void {
  irq_disable();
  if (close_for_good()) context_switch(EXIT_OFFLINE);
  irq_enable();
}
