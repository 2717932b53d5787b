/**
 * The kernel's table of contents: what the host can call, and the order in which the machine comes up.
 */
import { set_interrupt_dispatcher, set_softirq_runner } from "./cpu/irq";
import { claim_cpu, cpu_block, this_cpu } from "./cpu/percpu";
import { set_active, set_present } from "./cpu/present";
import { ttys_init } from "./fs/tty";
import { vfs_init } from "./fs/vfs";
import { cpuhp_init } from "./hotplug/states";
import { hotplug_lock_init } from "./hotplug/lock";
import { lines_init } from "./irq/line";
import { run_softirqs, softirq_cpu_init } from "./irq/softirq";
import { tasklets_init } from "./irq/tasklet";
import { futexes_init } from "./lock/futex";
import { rcu_init } from "./lock/rcu";
import { MACHINE, MACHINE_CPUS, PERCPU_CURRENT, PERCPU_IDLE_TASK, PERCPU_IRQ_OFF } from "./layout";
import { func_stacks_init } from "./livepatch/func_stack";
import { page_init } from "./mm/page";
import { slab_init } from "./mm/slab";
import { step_stack_init } from "./process/step_stack";
import { idle_init } from "./process/idle";
import { init_start } from "./process/init";
import { dispatch_interrupts } from "./process/interrupts";
import { parking_init } from "./process/kthread";
import { windows_init } from "./process/user";
import { workqueue_init } from "./process/workqueue";
import { runqueue_init } from "./sched/runqueue";
import { tasklist_init } from "./sched/tasklist";
import { timers_init } from "./sched/timer";
import { tracing_init } from "./trace/control";

export * from "./layout";
export * from "./abi";
export * from "./records";
export { cpu_run } from "./cpu/run";
export { cpu_trap, log_text, trap_end } from "./cpu/trap";
// Called by code that the toolchain inserts:
export { stop_enter, stop_leave } from "./cpu/stopped";
export { stack_end_hit, step_point } from "./cpu/switch";
export { klp_trace_call } from "./livepatch/version_trace";
export { klp_target, trace_next } from "./livepatch/stub";
export { trace_enter, trace_exit } from "./trace/calls";
export { debug_line } from "./trace/debug_lines";
export { loop_safepoint } from "./sched/core";
export { window_base } from "./process/user";
export { syscall, user_safepoint } from "./sys/syscall";
// Called by host/bench:
export { bench_syscalls } from "./bench";

/** Makes this instance CPU `cpu`. On CPU 0 boot() follows; the others come up when that is done. */
@bare export function cpu_init(cpu: i32): void {
  claim_cpu(cpu);
  set_interrupt_dispatcher(dispatch_interrupts);
  set_softirq_runner(run_softirqs);
  store<i32>(this_cpu, 1, PERCPU_IRQ_OFF); // until the idle task starts, which turns them on as after a switch
  store<u32>(this_cpu, load<u32>(this_cpu, PERCPU_IDLE_TASK), PERCPU_CURRENT);
}

/** Brings the machine up, on CPU 0, before any task runs; pid 1 does the rest. */
@bare export function boot(): void {
  page_init();
  slab_init();
  tasklist_init();
  windows_init();
  ttys_init();
  futexes_init();
  rcu_init();
  hotplug_lock_init();
  parking_init();
  lines_init();
  tasklets_init();
  func_stacks_init();
  tracing_init();
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
    runqueue_init(cpu);
    timers_init(cpu);
    workqueue_init(cpu);
    softirq_cpu_init(cpu);
    idle_init(cpu);
    if (STEPPED) step_stack_init(cpu);
    set_present(cpu, 1);
    set_active(cpu, 1);
  }
  cpuhp_init();
  store<u32>(this_cpu, load<u32>(cpu_block(0), PERCPU_IDLE_TASK), PERCPU_CURRENT);
  vfs_init();
  init_start();
}
