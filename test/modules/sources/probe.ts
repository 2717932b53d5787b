/** A module that does what its mode says, for the tests of loading and unloading. */
import { ENODEV, ENOMEM } from "../../kernel/abi";
import { clock_ns } from "../../kernel/cpu/clock";
import { log_begin, log_end, log_num, log_str } from "../../kernel/lib/printk";
import { kfree, kmalloc } from "../../kernel/mm/slab";
import { MODULE_STATE_COMING, register_module_notifier, unregister_module_notifier } from "../../kernel/module/module";
import { ANY_CPU, kthread_run, kthread_stop } from "../../kernel/process/kthread";
import { Task } from "../../kernel/sched/task";
import { sleep_until } from "../../kernel/sched/timer";

export const MODULE_LICENSE = "Proprietary";

@param let mode: i32 = 0;
@param let loud: bool = false;
@param let limit: u32 = 7;

const THREAD = 1;
const FAILS = 2;
const VETOES = 3;

/** Variables of every type, each with a value of its own. */
let ticks: i64 = 10000000000;
let share: f64 = 0.5;
let memory_held: usize = 0;
let thread: Task = changetype<Task>(0);

export function init_module(): i32 {
  if (loud) report();
  if (mode == FAILS) return -ENODEV;
  if (mode == VETOES && !register_module_notifier(veto)) return -ENOMEM;
  if (mode == THREAD) {
    thread = kthread_run(stay_a_while, 0, "probe", ANY_CPU);
    if (!changetype<usize>(thread)) return -ENOMEM;
  }
  memory_held = kmalloc(100);
  return 0;
}

export function cleanup_module(): void {
  if (mode == VETOES) unregister_module_notifier(veto);
  if (mode == THREAD) kthread_stop(thread);
  kfree(memory_held);
}

function veto(state: i32, number: i32): i32 {
  return state == MODULE_STATE_COMING ? -ENODEV : 0;
}

/** Runs in a thread of its own, and sleeps inside the module. */
function stay_a_while(argument: i32): i32 {
  ticks++;
  share *= 2;
  sleep_until(clock_ns() + 300000000);
  report();
  return 0;
}

function report(): void {
  log_begin();
  log_str("probe: ");
  log_num(limit);
  log_str(" ");
  log_num(ticks);
  log_str(" ");
  log_num(<i64>(share * 100));
  log_end();
}
