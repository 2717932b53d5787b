/**
 * Pid 1: starts the kernel's threads, then inherits and reaps every orphan.
 */
import { STATE_RUNNING, TASK_INTERRUPTIBLE, WNOHANG } from "../abi";
import { hotplug_files } from "../hotplug/files";
import { klp_start } from "../livepatch/core";
import { kgr_task_safe } from "../livepatch/universe";
import { modules_init } from "../module/module";
import { MACHINE, MACHINE_STATE } from "../layout";
import { panic, printk } from "../lib/printk";
import { kmalloc } from "../mm/slab";
import { schedule } from "../sched/core";
import { TF_KTHREAD, Task, current } from "../sched/task";
import { finish_wait, prepare_to_wait } from "../sched/wait";
import { audit_baseline } from "./audit";
import { create_task, start_task } from "./create";
import { device_start } from "./device";
import { child_queue, has_zombie, wait_for_child } from "./exit";
import { hostd_init, hostd_start } from "./hostd";
import { ksoftirqds_start } from "./ksoftirqd";
import { rcu_gp_start } from "./rcu_gp";
import { debugfs_init } from "../trace/debugfs";
import { tracefs_init } from "../trace/tracefs";
import { upcall_init } from "./upcall";
import { workqueues_start } from "./workqueue";

/** Makes pid 1; it runs when CPU 0 does. */
export function init_start(): void {
  const name = kmalloc(4);
  store<u32>(name, 0x74696e69); // "init"
  const task = create_task(name, 4, init_main, 0, changetype<Task>(0), TF_KTHREAD);
  if (!changetype<usize>(task)) panic("no memory for init");
  start_task(task);
}

function init_main(argument: i32): i32 {
  hostd_init();
  upcall_init();
  modules_init();
  workqueues_start();
  ksoftirqds_start();
  rcu_gp_start();
  device_start();
  klp_start();
  let hostd = hostd_start();
  hotplug_files();
  tracefs_init();
  debugfs_init();
  const status = kmalloc(4);
  audit_baseline();
  printk("machine is up");
  atomic.store<i32>(MACHINE, STATE_RUNNING, MACHINE_STATE); // release; pairs with the host's wait for the boot to end
  atomic.notify(MACHINE + MACHINE_STATE, i32.MAX_VALUE);
  while (true) {
    kgr_task_safe();
    for (let pid = wait_for_child(-1, status, WNOHANG); pid > 0; pid = wait_for_child(-1, status, WNOHANG)) {
      if (pid == hostd) hostd = hostd_start(); // an oops in what the host had asked for was its end
    }
    prepare_to_wait(child_queue(current()), TASK_INTERRUPTIBLE);
    if (!has_zombie()) schedule();
    finish_wait(child_queue(current()));
  }
}
