/**
 * How tasks end: do_exit(), wait(), and the reaping of orphans by pid 1.
 *
 *   running ──do_exit()──► ZOMBIE ──parent's wait()──► off the list, freed once its CPU has left the stack
 *                     └──► DEAD at once when it has no parent, or is a thread beside its process's first
 *
 * A leader that ends before its other threads is a zombie that nobody can reap: that is what `threads` says.
 */
import { COUNTER_EXITS, ECHILD, SIGCHLD, SIGKILL, SIGSEGV, TASK_DEAD, TASK_INTERRUPTIBLE, TASK_ZOMBIE, WNOHANG, WUNTRACED } from "../abi";
import { count } from "../cpu/percpu";
import { close_all_files } from "../fs/descriptors";
import { kgr_exit } from "../livepatch/universe";
import { MACHINE, MACHINE_REAPABLE } from "../layout";
import { panic } from "../lib/printk";
import { mutexes_abandon } from "../lock/mutex";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { cache_free, kfree } from "../mm/slab";
import { might_sleep, schedule } from "../sched/core";
import { raise_for_thread, signal_bit } from "../sched/signal";
import { GROUP_EXIT, Task, current, set_current_state, task_state } from "../sched/task";
import { adopt, disown, drop_thread, find_task, get_task, put_task, remove_task, tasklist } from "../sched/tasklist";
import { abandon_sleep } from "../sched/timer";
import { WaitQueue, abandon_wait, finish_wait, interrupted, prepare_to_wait, wake_up_all } from "../sched/wait";

/** Pid of the task that inherits orphans. */
const INIT_PID = 1;

@inline export function child_queue(task: Task): WaitQueue {
  return changetype<WaitQueue>(changetype<usize>(task) + offsetof<Task>("child_owner"));
}

/** Wait status of a task that a fault ended. */
@inline export function fault_status(): i32 {
  const signal = current().signal;
  return signal ? signal : SIGSEGV;
}

/** Ends all threads of the current process with a wait status; never returns. */
export function exit_group(status: i32): void {
  const task = current();
  const leader = task.leader;
  // Only a thread of this process makes another, so one that is alone stays so.
  if (leader.threads > 1) {
    spin_lock(tasklist());
    if (!leader.group_exit) {
      leader.group_exit = GROUP_EXIT | status;
      for (let other = leader; changetype<usize>(other); other = other.next_thread) if (other != task) raise_for_thread(other, SIGKILL);
    }
    spin_unlock(tasklist());
  }
  do_exit(status);
}

/** Ends the current thread with a wait status (code << 8 | signal), and its process if it is the last; never returns. */
export function do_exit(status: i32): void {
  might_sleep();
  const task = current();
  const leader = task.leader;
  abandon_wait();
  abandon_sleep();
  if (task.mutexes) mutexes_abandon();
  if (atomic.sub<i32>(changetype<usize>(leader), 1, offsetof<Task>("users")) == 1) release_process(leader);
  count(COUNTER_EXITS);
  spin_lock(tasklist());
  task.exit_status = status;
  leader.threads -= 1;
  const last = leader.threads == 0;
  const parent = leader.parent;
  const tell = last && changetype<usize>(parent) != 0;
  if (tell) get_task(parent);
  if (last) end_process(leader);
  const orphan = changetype<usize>(leader.parent) == 0;
  const reap_self = task != leader || (last && orphan);
  if (task != leader) {
    drop_thread(task);
    if (last && orphan) remove_task(leader);
  }
  if (reap_self) remove_task(task);
  // Under the list's lock, so that a parent that sees ZOMBIE there sees the status too.
  kgr_exit();
  set_current_state(reap_self ? TASK_DEAD : TASK_ZOMBIE);
  spin_unlock(tasklist());
  if (task != leader) {
    if (last && orphan) put_task(leader);
    put_task(leader);
  }
  if (reap_self) put_task(task);
  if (tell) tell_parent(parent);
  schedule();
  panic("a dead task was scheduled");
}

/** Gives back what the threads of a process shared; the last of them calls it. */
function release_process(leader: Task): void {
  close_all_files(leader);
  spin_lock(tasklist()); // /proc/<pid>/cmdline reads them under it
  const args = leader.args;
  leader.args = 0;
  spin_unlock(tasklist());
  kfree(args);
  if (leader.window) {
    cache_free(leader.window);
    leader.window = 0;
    current().window = 0;
  }
}

/** The last thread ends: what its parent will be told, if it wants to know, and who inherits its children. The list is locked. */
@notrace function end_process(leader: Task): void {
  if (leader.group_exit) leader.exit_status = leader.group_exit & 0xffff;
  const parent = leader.parent;
  if (changetype<usize>(parent) && parent.leader.ignored & signal_bit(SIGCHLD)) disown(leader);
  give_away_children(leader);
}

/** Drops the reference to `parent`. */
@notrace function tell_parent(parent: Task): void {
  wake_up_all(child_queue(parent));
  put_task(parent);
  // Counted after the state: the host, which found the task running, waits for this word to change.
  atomic.add<i32>(MACHINE, 1, MACHINE_REAPABLE);
  atomic.notify(MACHINE + MACHINE_REAPABLE, 1);
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

/** Whether `child` is one that wait() with `pid` means. */
@notrace function is_meant(child: Task, pid: i32): bool {
  if (pid == -1) return true;
  return pid > 0 ? child.pid == pid : child.group == (pid ? -pid : current().leader.group);
}

@inline function is_finished(child: Task): bool {
  return task_state(child) == TASK_ZOMBIE && child.threads == 0;
}

/** A child that matches and has news for its parent, or null; NO_SUCH_CHILD when none matches. A finished one is off the list, with the list's reference. */
@notrace function take_child(pid: i32, status: usize, options: i32): Task {
  let found = changetype<Task>(0);
  let known = false;
  spin_lock(tasklist());
  for (let child = current().leader.children; changetype<usize>(child) && !changetype<usize>(found); child = child.sibling) {
    if (!is_meant(child, pid)) continue;
    known = true;
    if (is_finished(child) || (options & WUNTRACED && child.stop_news)) found = child;
  }
  if (changetype<usize>(found)) {
    if (is_finished(found)) {
      store<i32>(status, found.exit_status);
      remove_task(found);
    } else {
      store<i32>(status, STOPPED_STATUS | found.stop_news << 8);
      found.stop_news = 0;
      get_task(found);
    }
  }
  spin_unlock(tasklist());
  return known ? found : changetype<Task>(NO_SUCH_CHILD);
}
const NO_SUCH_CHILD: usize = 1;
const STOPPED_STATUS = 0x7f;

/** Whether a child of the current task waits to be reaped. */
export function has_zombie(): bool {
  let found = false;
  spin_lock(tasklist());
  for (let child = current().children; changetype<usize>(child) && !found; child = child.sibling) found = is_finished(child);
  spin_unlock(tasklist());
  return found;
}

/**
 * Reaps a child and gives its pid with the status at `status`: child `pid`, any (-1), one of the caller's group (0) or
 * of group -`pid`. Sleeps until there is one unless WNOHANG, which gives 0; with WUNTRACED a stopped one is news too.
 * -ECHILD without such a child, -EINTR on a signal.
 */
export function wait_for_child(pid: i32, status: usize, options: i32): i32 {
  might_sleep();
  const queue = child_queue(current().leader);
  let result = 0;
  for (;;) {
    prepare_to_wait(queue, TASK_INTERRUPTIBLE);
    const child = take_child(pid, status, options);
    if (changetype<usize>(child) == NO_SUCH_CHILD) {
      result = -ECHILD;
      break;
    }
    if (changetype<usize>(child)) {
      result = child.pid;
      put_task(child);
      break;
    }
    if (options & WNOHANG) break;
    result = interrupted();
    if (result) break;
    schedule();
  }
  finish_wait(queue);
  return result;
}
