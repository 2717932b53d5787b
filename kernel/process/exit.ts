/**
 * How tasks end: do_exit(), wait(), and the reaping of orphans by pid 1.
 *
 *   running ──do_exit()──► ZOMBIE ──parent's wait()──► off the list, freed once its CPU has left the stack
 *                     └──► DEAD at once when it has no parent
 */
import { COUNTER_EXITS, ECHILD, SIGSEGV, TASK_DEAD, TASK_INTERRUPTIBLE, TASK_ZOMBIE } from "../abi";
import { count } from "../cpu/percpu";
import { close_all_files } from "../fs/file";
import { kgr_exit } from "../livepatch/universe";
import { MACHINE, MACHINE_REAPABLE } from "../layout";
import { panic } from "../lib/printk";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { cache_free } from "../mm/slab";
import { might_sleep, schedule } from "../sched/core";
import { Task, current, set_current_state, task_state } from "../sched/task";
import { adopt, find_task, get_task, put_task, remove_task, tasklist } from "../sched/tasklist";
import { abandon_sleep } from "../sched/timer";
import { WaitQueue, abandon_wait, finish_wait, interrupted, prepare_to_wait, wake_up_all } from "../sched/wait";

/** Pid of the task that inherits orphans. */
const INIT_PID = 1;

@inline export function child_queue(task: Task): WaitQueue {
  return changetype<WaitQueue>(changetype<usize>(task) + offsetof<Task>("child_owner"));
}

/** Wait status of a task that a fault or a signal ends. */
@inline export function fatal_status(): i32 {
  const signal = current().signal;
  return signal ? signal : SIGSEGV;
}

/** Ends the current task with a wait status (code << 8 | signal); never returns. */
export function do_exit(status: i32): void {
  might_sleep();
  const task = current();
  abandon_wait();
  abandon_sleep();
  close_all_files(task);
  if (task.window) {
    cache_free(task.window);
    task.window = 0;
  }
  count(COUNTER_EXITS);
  spin_lock(tasklist());
  task.exit_status = status;
  give_away_children(task);
  const parent = task.parent;
  const orphan = changetype<usize>(parent) == 0;
  if (orphan) remove_task(task);
  else get_task(parent);
  // Under the list's lock, so that a parent that sees ZOMBIE there sees the status too.
  kgr_exit();
  set_current_state(orphan ? TASK_DEAD : TASK_ZOMBIE);
  spin_unlock(tasklist());
  if (orphan) put_task(task);
  else {
    wake_up_all(child_queue(parent));
    put_task(parent);
    // Counted after the state: the host, which found the task running, waits for this word to change.
    atomic.add<i32>(MACHINE, 1, MACHINE_REAPABLE);
    atomic.notify(MACHINE + MACHINE_REAPABLE, 1);
  }
  schedule();
  panic("a dead task was scheduled");
}

/** Makes pid 1 the parent of all children of `task`; the list is locked. */
@notrace function give_away_children(task: Task): void {
  const init = find_task(INIT_PID);
  let any = false;
  for (let child = task.children; changetype<usize>(child); ) {
    const next = child.sibling;
    if (task == init || changetype<usize>(init) == 0) child.parent = changetype<Task>(0);
    else adopt(init, child);
    child = next;
    any = true;
  }
  task.children = changetype<Task>(0);
  if (any && changetype<usize>(init) && task != init) wake_up_all(child_queue(init));
}

/** A finished child that matches, off the list and with the list's reference, or null; `known` tells whether any child matches. */
@notrace function take_zombie(pid: i32): Task {
  let found = changetype<Task>(0);
  let known = false;
  spin_lock(tasklist());
  for (let child = current().children; changetype<usize>(child); child = child.sibling) {
    if (pid != -1 && child.pid != pid) continue;
    known = true;
    if (task_state(child) != TASK_ZOMBIE) continue;
    found = child;
    break;
  }
  if (changetype<usize>(found)) remove_task(found);
  spin_unlock(tasklist());
  return known ? found : changetype<Task>(NO_SUCH_CHILD);
}
const NO_SUCH_CHILD: usize = 1;

/** Whether a child of the current task waits to be reaped. */
export function has_zombie(): bool {
  let found = false;
  spin_lock(tasklist());
  for (let child = current().children; changetype<usize>(child) && !found; child = child.sibling) found = task_state(child) == TASK_ZOMBIE;
  spin_unlock(tasklist());
  return found;
}

/**
 * Reaps child `pid` (-1: any) and gives its pid with the status at `status`; sleeps until there is one unless
 * `nohang`, which gives 0. -ECHILD without such a child, -EINTR on a signal.
 */
export function wait_for_child(pid: i32, status: usize, nohang: bool): i32 {
  might_sleep();
  const queue = child_queue(current());
  let result = 0;
  for (;;) {
    prepare_to_wait(queue, TASK_INTERRUPTIBLE);
    const child = take_zombie(pid);
    if (changetype<usize>(child) == NO_SUCH_CHILD) {
      result = -ECHILD;
      break;
    }
    if (changetype<usize>(child)) {
      result = child.pid;
      store<i32>(status, child.exit_status);
      put_task(child);
      break;
    }
    if (nohang) break;
    result = interrupted();
    if (result) break;
    schedule();
  }
  finish_wait(queue);
  return result;
}
