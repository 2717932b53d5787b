/**
 * Signals as processes send and take them: kill(), and delivery at the user boundary.
 *
 * Invariant: a task that is stopped has no kernel frames but those of its border, so a stopped task may change its
 * universe whenever it is woken.
 */
import { EINVAL, EPERM, ESRCH, SIGKILL, SIGNAL_MAX, SIG_DFL, SIG_IGN, TASK_RUNNING, TASK_STOPPED } from "../abi";
import { kgr_task_safe } from "../livepatch/universe";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { schedule } from "../sched/core";
import { STOP_SIGNALS, UNBLOCKABLE, pending_signals, raise_in_group, raise_signal, signal_bit } from "../sched/signal";
import { TF_KTHREAD, Task, current, has_flag, set_current_state } from "../sched/task";
import { find_task, first_task, get_task, next_task, put_task, tasklist } from "../sched/tasklist";
import { wake_up_all } from "../sched/wait";
import { child_queue, exit_group } from "./exit";

/**
 * Sends `signal` to process `pid`, to the caller's group (0), to all processes but the caller's (-1), or to group
 * -`pid`. -ESRCH, -EPERM for kernel threads, -EINVAL for a bad number; signal 0 only asks.
 */
export function kill(pid: i32, signal: i32): i32 {
  if (<u32>signal > <u32>SIGNAL_MAX) return -EINVAL;
  spin_lock(tasklist());
  const result = pid > 0 ? kill_one(find_task(pid), signal) : kill_many(pid, signal);
  spin_unlock(tasklist());
  return result;
}

@notrace function kill_one(task: Task, signal: i32): i32 {
  if (!changetype<usize>(task)) return -ESRCH;
  if (!signal) return 0;
  if (has_flag(task, TF_KTHREAD)) return -EPERM;
  raise_signal(task.leader, signal);
  return 0;
}

/** Those that -1, 0 or a negative group number means; the list is locked. */
@notrace function kill_many(pid: i32, signal: i32): i32 {
  const own = current().leader;
  if (pid != -1) return raise_in_group(pid ? -pid : own.group, signal) ? 0 : -ESRCH;
  let result = -ESRCH;
  for (let task = first_task(); changetype<usize>(task); task = next_task(task)) {
    if (task.leader == task && task != own && !has_flag(task, TF_KTHREAD)) result = kill_one(task, signal);
  }
  return result;
}

/** What the process does with `signal` from now on; gives what it did, or -EINVAL. */
export function set_disposition(signal: i32, disposition: i32): i32 {
  if (signal < 1 || signal > SIGNAL_MAX || <u32>disposition > <u32>SIG_IGN || signal_bit(signal) & UNBLOCKABLE) return -EINVAL;
  const process = current().leader;
  const bit = signal_bit(signal);
  spin_lock(tasklist());
  const before = process.ignored & bit ? SIG_IGN : SIG_DFL;
  process.ignored = disposition == SIG_IGN ? process.ignored | bit : process.ignored & ~bit;
  spin_unlock(tasklist());
  return before;
}

/** At the way out to user code: what is pending ends the process or stops the thread. */
@inline export function deliver_signals(): void {
  if (pending_signals(current())) take_signals();
}

function take_signals(): void {
  const task = current();
  while (true) {
    const pending = pending_signals(task);
    if (!pending) return;
    const deadly = pending & ~STOP_SIGNALS;
    if (deadly) exit_group(deadly & signal_bit(SIGKILL) ? SIGKILL : <i32>ctz(deadly) + 1);
    if (begin_stop(task)) stay_stopped(task);
  }
}

/** Turns pending stops into being stopped, and tells the parent; false when SIGCONT was faster. */
@notrace function begin_stop(task: Task): bool {
  spin_lock(tasklist());
  const stops = pending_signals(task) & STOP_SIGNALS;
  atomic.and<u64>(changetype<usize>(task), ~stops, offsetof<Task>("pending"));
  task.stopped = stops ? <i32>ctz(stops) + 1 : 0;
  task.leader.stop_news = task.stopped;
  const parent = task.leader.parent;
  const tell = stops != 0 && changetype<usize>(parent) != 0;
  if (tell) get_task(parent);
  spin_unlock(tasklist());
  if (tell) {
    wake_up_all(child_queue(parent));
    put_task(parent);
  }
  return stops != 0;
}

/** Sleeps until SIGCONT or SIGKILL; a live-patch wake-up in between is a border. */
function stay_stopped(task: Task): void {
  while (true) {
    set_current_state(TASK_STOPPED);
    // Pairs with raise_for_thread(), which stores before it wakes.
    if (!atomic.load<i32>(changetype<usize>(task), offsetof<Task>("stopped")) || pending_signals(task) & signal_bit(SIGKILL)) break;
    schedule();
    kgr_task_safe();
  }
  set_current_state(TASK_RUNNING);
}
