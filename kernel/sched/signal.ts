/**
 * Signals on their way: what each does by default, and raising one. Delivery is process/signal.ts.
 *
 *   by default      ignored    SIGCHLD SIGCONT SIGURG SIGWINCH
 *                   stops      SIGSTOP SIGTSTP SIGTTIN SIGTTOU
 *                   deadly     all others
 *
 * There are no handlers: a process takes the default or ignores. What is ignored is dropped when it is raised, so a
 * pending signal is deadly or stops. Raising holds the task-list lock, so that SIGCONT takes back each stop before it
 * and none behind it.
 */
import { SIGCHLD, SIGCONT, SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH, TASK_INTERRUPTIBLE, TASK_STOPPED } from "../abi";
import { wake_up_state } from "./core";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { TF_KTHREAD, Task, current, has_flag } from "./task";
import { MAX_PIDS, find_task, tasklist } from "./tasklist";

@inline export function signal_bit(signal: i32): u64 {
  return <u64>1 << (signal - 1);
}
export const STOP_SIGNALS: u64 = 1 << (SIGSTOP - 1) | 1 << (SIGTSTP - 1) | 1 << (SIGTTIN - 1) | 1 << (SIGTTOU - 1);
const IGNORED_BY_DEFAULT: u64 = 1 << (SIGCHLD - 1) | 1 << (SIGCONT - 1) | 1 << (SIGURG - 1) | 1 << (SIGWINCH - 1);
/** Nobody ignores these. */
export const UNBLOCKABLE: u64 = 1 << (SIGKILL - 1) | 1 << (SIGSTOP - 1);

@inline export function pending_signals(task: Task): u64 {
  return atomic.load<u64>(changetype<usize>(task), offsetof<Task>("pending"));
}

@inline function is_ignored(process: Task, bit: u64): bool {
  return ((process.ignored | IGNORED_BY_DEFAULT) & bit) != 0;
}

/** Raises `signal` for the process that `process` leads; the task list is locked. */
@notrace export function raise_signal(process: Task, signal: i32): void {
  for (let task = process; changetype<usize>(task); task = task.next_thread) raise_for_thread(task, signal);
}

/** The same for one thread. */
@notrace export function raise_for_thread(task: Task, signal: i32): void {
  const bit = signal_bit(signal);
  if (signal == SIGCONT) {
    atomic.and<u64>(changetype<usize>(task), ~STOP_SIGNALS, offsetof<Task>("pending"));
    task.stopped = 0;
    wake_up_state(task, TASK_STOPPED);
  }
  if (is_ignored(task.leader, bit)) return;
  // Set before the wake-up; pairs with interrupted(), which a sleeper asks after it set its state.
  atomic.or<u64>(changetype<usize>(task), bit, offsetof<Task>("pending"));
  wake_up_state(task, signal == SIGKILL ? TASK_INTERRUPTIBLE | TASK_STOPPED : TASK_INTERRUPTIBLE);
}

/** Raises `signal` for the processes of `group`; how many there are. The task list is locked. */
@notrace export function raise_in_group(group: i32, signal: i32): i32 {
  let found = 0;
  for (let pid = 1; pid < MAX_PIDS; pid++) {
    const task = find_task(pid);
    if (!changetype<usize>(task) || task.leader != task || has_flag(task, TF_KTHREAD) || task.group != group) continue;
    if (signal) raise_signal(task, signal);
    found++;
  }
  return found;
}

/** The same for who does not hold the list's lock. */
export function raise_group(group: i32, signal: i32): void {
  spin_lock(tasklist());
  raise_in_group(group, signal);
  spin_unlock(tasklist());
}

/** Raises a deadly signal for the calling thread, which looks at its next way out. */
@notrace export function signal_self(signal: i32): void {
  if (!is_ignored(current().leader, signal_bit(signal)))
    atomic.or<u64>(changetype<usize>(current()), signal_bit(signal), offsetof<Task>("pending"));
}
