/**
 * cpu_run(): the CPU. Runs tasks until something needs the host, and says what.
 *
 * It holds no lock and takes none: it only follows a word that schedule() left in this CPU's block. While it runs,
 * no Wasm frame but its own is on the engine's stack.
 */
import { CPU_GONE, EXIT_OFFLINE, EXIT_PANIC, EXIT_POKE, EXIT_STEP, EXIT_STOP, EXIT_SWITCH, SIGSEGV, STATE_PANIC } from "../abi";
import {
  MACHINE, MACHINE_STATE, PERCPU_CURRENT, PERCPU_EXIT, PERCPU_FAULTED, PERCPU_IN_IRQ, PERCPU_IN_TASK, PERCPU_IRQ_OFF, PERCPU_LOCKS_HELD, PERCPU_NEXT, PERCPU_POWER,
  PERCPU_RESUMING, PERCPU_REWIND_PAIR, PERCPU_STACK_HIT, PERCPU_STEPPED, PERCPU_STEP_STACK, TASK_ON_CPU, TASK_STACK_POS,
} from "../layout";
import { panic } from "../lib/printk";
import { scan_current } from "../livepatch/scan";
import { set_side } from "../livepatch/side";
import { side_of } from "../livepatch/universe";
import { task_entry } from "../process/create";
import { set_window_base } from "../process/user";
import { TF_IDLE, TF_SAVED, Task, clear_flag, current, has_flag, set_flag } from "../sched/task";
import { this_cpu } from "./percpu";
import { stop_this_cpu } from "./stopped";
import { start_rewind, stop_unwind } from "./switch";
import { carry_out_pokes } from "./table";
import { condemn } from "./trap";

@bare export function cpu_run(): i32 {
  if (atomic.load<i32>(MACHINE, MACHINE_STATE) == STATE_PANIC) return EXIT_PANIC;
  while (true) {
    const task = current();
    if (STEPPED && load<i32>(this_cpu, PERCPU_STEPPED)) {
      store<i32>(this_cpu, 0, PERCPU_STEPPED);
      resume(<usize>load<u32>(this_cpu, PERCPU_STEP_STACK)); // inside an interrupt perhaps: its side is still set
    } else {
      set_side(side_of(task));
      if (has_flag(task, TF_SAVED)) {
        clear_flag(task, TF_SAVED);
        resume(changetype<usize>(task) + TASK_STACK_POS);
      }
    }
    store<i32>(this_cpu, 1, PERCPU_IN_TASK);
    task_entry();
    store<i32>(this_cpu, 0, PERCPU_IN_TASK);
    stop_unwind();
    const reason = load<i32>(this_cpu, PERCPU_EXIT);
    if (STEPPED && reason == EXIT_STEP) {
      if (load<i32>(this_cpu, PERCPU_STACK_HIT)) panic("step stack overflow");
      store<i32>(this_cpu, 1, PERCPU_STEPPED);
      return reason;
    }
    if (load<i32>(this_cpu, PERCPU_STACK_HIT)) spill(task, reason);
    else set_flag(task, TF_SAVED);
    if (reason == EXIT_POKE) {
      scan_current(); // its stack is in memory: look before it runs on
      carry_out_pokes();
      if (!STEPPED) continue;
    }
    if (reason == EXIT_OFFLINE) atomic.store<i32>(this_cpu, CPU_GONE, PERCPU_POWER); // behind the last of its stack; pairs with wait_until_gone()
    if (!STEPPED && reason == EXIT_STOP) {
      stop_this_cpu();
      continue;
    }
    if (reason != EXIT_SWITCH) return reason;
    const next = changetype<Task>(<usize>load<u32>(this_cpu, PERCPU_NEXT));
    store<u32>(this_cpu, <u32>changetype<usize>(next), PERCPU_CURRENT);
    set_window_base(next.window);
    // Release: the stack is wholly in memory now. Pairs with on_cpu() in pick_next(), on whatever CPU runs it next.
    atomic.store<i32>(changetype<usize>(task), 0, TASK_ON_CPU);
  }
}

@bare function resume(pair: usize): void {
  store<u32>(this_cpu, <u32>pair, PERCPU_REWIND_PAIR);
  store<i32>(this_cpu, 1, PERCPU_RESUMING);
  start_rewind(pair);
}

/** The stack did not fit: the task cannot go on. With a lock held, or as idle task, neither can the machine. */
@bare function spill(task: Task, reason: i32): void {
  store<i32>(this_cpu, 0, PERCPU_STACK_HIT);
  const atomic_context = load<i32>(this_cpu, PERCPU_LOCKS_HELD) || load<i32>(this_cpu, PERCPU_IN_IRQ);
  if (atomic_context || has_flag(task, TF_IDLE)) panic("saved stack overflow in atomic context");
  condemn(task, SIGSEGV);
  store<u32>(this_cpu, <u32>changetype<usize>(task), PERCPU_FAULTED); // named, and woken to die, on the next stack
  if (reason != EXIT_SWITCH) store<i32>(this_cpu, 1, PERCPU_IRQ_OFF); // it starts over at task_entry(), which undoes it
}
