/**
 * /proc/<pid>: what a task is and does. A new file is a row in each table, a function, and a test.
 *
 * The subject is the pid; a task that has gone meanwhile gives -ESRCH.
 */
import { ESRCH, KLP_MODEL_KGRAFT, TASK_INTERRUPTIBLE, TASK_RUNNING, TASK_STOPPED, TASK_UNINTERRUPTIBLE, TASK_ZOMBIE } from "../abi";
import { PAGE_SIZE, TASK_NAME_SIZE } from "../layout";
import { in_transition, is_on, patch_at } from "../livepatch/patch";
import { PHASE_FLIP, klp, phase } from "../livepatch/state";
import { put_bytes, put_hex_padded, put_number, put_text, put_zero_ended } from "../lib/text";
import { SpinLock, spin_lock, spin_unlock } from "../lock/spinlock";
import { runqueue } from "../sched/runqueue";
import { pending_signals } from "../sched/signal";
import { pin_task, put_stack, unpin_task } from "../sched/stacktrace";
import { MAX_FILES, TF_KGR, TF_KTHREAD, Task, has_flag, task_state } from "../sched/task";
import { find_task, get_task, put_task, tasklist } from "../sched/tasklist";
import { Show } from "./attributes";

/** PF_KTHREAD */
const KTHREAD_FLAG = 0x200000;

type PutTask = (at: usize, task: Task) => usize;

export const TASK_FILE_NAMES: StaticArray<string> = ["stat", "status", "stack", "cmdline", "comm", "patch_state", "kgr_in_progress"];
export const TASK_FILE_MODES: StaticArray<i32> = [0o444, 0o444, 0o400, 0o444, 0o444, 0o400, 0o400];
const SHOWS: StaticArray<Show> = [show_stat, show_status, show_stack, show_cmdline, show_comm, show_patch_state, show_in_progress];

/** Table index of the function of a row. */
@sleeps export function task_file_show(row: i32): i32 {
  return unchecked(SHOWS[row]).index;
}

function show_stat(at: usize, limit: usize, pid: i32): usize {
  return with_task(at, pid, put_task_stat);
}
function show_status(at: usize, limit: usize, pid: i32): usize {
  return with_task(at, pid, put_status);
}
function show_stack(at: usize, limit: usize, pid: i32): usize {
  return with_task(at, pid, put_task_stack);
}
function show_cmdline(at: usize, limit: usize, pid: i32): usize {
  return with_task(at, pid, put_args);
}
function show_comm(at: usize, limit: usize, pid: i32): usize {
  return with_task(at, pid, put_comm);
}
function show_patch_state(at: usize, limit: usize, pid: i32): usize {
  return with_task(at, pid, put_patch_state);
}
function show_in_progress(at: usize, limit: usize, pid: i32): usize {
  return with_task(at, pid, put_in_progress);
}

/** The task with a reference, or null. */
export function hold_task(pid: i32): Task {
  spin_lock(tasklist());
  const task = find_task(pid);
  if (changetype<usize>(task)) get_task(task);
  spin_unlock(tasklist());
  return task;
}

@sleeps function with_task(at: usize, pid: i32, put: PutTask): usize {
  const task = hold_task(pid);
  if (!changetype<usize>(task)) return <usize>-ESRCH;
  const end = put(at, task);
  put_task(task);
  return end;
}

@notrace function put_name(at: usize, task: Task): usize {
  return put_zero_ended(at, changetype<usize>(task) + offsetof<Task>("name_0"), TASK_NAME_SIZE);
}

/** The parent of a task's process, 0 without. */
@notrace function parent_of(task: Task): i32 {
  spin_lock(tasklist());
  const parent = task.leader.parent;
  const pid = changetype<usize>(parent) ? parent.pid : 0;
  spin_unlock(tasklist());
  return pid;
}

@notrace function put_zeros(at: usize, count: i32): usize {
  for (; count > 0; count--) at = put_text(at, " 0");
  return at;
}

/** The 52 fields of proc(5); what this kernel does not count is 0. */
function put_task_stat(at: usize, task: Task): usize {
  at = put_text(put_name(put_text(put_number(at, task.pid), " ("), task), ") ");
  at = put_bytes(at, changetype<usize>(state_text(task_state(task))), 1);
  at = put_number(put_text(at, " "), parent_of(task));
  at = put_number(put_text(at, " "), task.leader.group);
  at = put_number(put_text(at, " "), task.leader.group);
  at = put_zeros(at, 2);
  at = put_number(put_text(at, " "), has_flag(task, TF_KTHREAD) ? KTHREAD_FLAG : 0);
  at = put_zeros(at, 8);
  at = put_number(put_text(at, " 20 0 "), task.leader.threads);
  at = put_zeros(at, 2);
  at = put_number(put_text(at, " "), task.window_bytes);
  at = put_number(put_text(at, " "), (task.window_bytes + PAGE_SIZE - 1) / PAGE_SIZE);
  at = put_zeros(at, 6);
  at = put_number(put_text(at, " "), <i64>pending_signals(task));
  at = put_zeros(at, 1);
  at = put_number(put_text(at, " "), <i64>task.leader.ignored);
  at = put_zeros(at, 4);
  at = put_number(put_text(at, " 17 "), task.cpu);
  at = put_zeros(at, 12);
  return put_text(put_number(put_text(at, " "), task.exit_status), "\n");
}

/** The saved stack; a running task has none, and one that runs while we look is not waited for. */
function put_task_stack(at: usize, task: Task): usize {
  if (!pin_task(task)) return put_text(put_number(put_text(at, "[<0>] running on cpu "), task.cpu), "\n");
  const end = put_stack(at, PAGE_SIZE, task);
  unpin_task(task, runqueue(task.cpu));
  return end;
}

@notrace function put_line(at: usize, name: string, value: i64): usize {
  return put_text(put_number(put_text(at, name), value), "\n");
}

@notrace function put_four(at: usize, name: string, value: i32): usize {
  at = put_text(at, name);
  for (let i = 0; i < 4; i++) at = put_number(put_text(at, "\t"), value);
  return put_text(at, "\n");
}

@notrace function put_mask(at: usize, name: string, mask: u64): usize {
  at = put_hex_padded(put_text(at, name), <u32>(mask >> 32), 8);
  return put_text(put_hex_padded(at, <u32>mask, 8), "\n");
}

function put_status(at: usize, task: Task): usize {
  const leader = task.leader;
  at = put_text(put_name(put_text(at, "Name:\t"), task), "\n");
  at = put_text(put_text(put_text(at, "State:\t"), state_text(task_state(task))), "\n");
  at = put_line(at, "Tgid:\t", leader.pid);
  at = put_line(at, "Pid:\t", task.pid);
  at = put_line(at, "PPid:\t", parent_of(task));
  at = put_four(at, "Uid:", leader.uid);
  at = put_four(at, "Gid:", leader.gid);
  at = put_line(at, "FDSize:\t", MAX_FILES);
  at = put_line(at, "Threads:\t", leader.threads);
  at = put_mask(at, "SigPnd:\t", pending_signals(task));
  at = put_mask(at, "SigIgn:\t", leader.ignored);
  at = put_line(at, "Cpu:\t", task.cpu);
  const queue = task.waits_on;
  if (!queue) return at;
  return put_text(put_text(put_text(at, "Waits:\t"), changetype<string>(changetype<SpinLock>(queue).name)), "\n");
}

@notrace function state_text(state: i32): string {
  if (state == TASK_RUNNING) return "R (running)";
  if (state == TASK_INTERRUPTIBLE) return "S (sleeping)";
  if (state == TASK_UNINTERRUPTIBLE) return "D (disk sleep)";
  if (state == TASK_STOPPED) return "T (stopped)";
  if (state == TASK_ZOMBIE) return "Z (zombie)";
  return "X (dead)";
}

/** Each argument with a zero behind it; nothing for kernel threads and those that have exited. */
function put_args(at: usize, task: Task): usize {
  spin_lock(tasklist());
  const args = task.leader.args;
  if (args) at = put_bytes(at, args, task.leader.args_length);
  spin_unlock(tasklist());
  return at;
}

function put_comm(at: usize, task: Task): usize {
  return put_text(put_name(at, task), "\n");
}

/** -1 when no transition of tasks runs, else the side that the task is on: 1 patched, 0 not. */
function put_patch_state(at: usize, task: Task): usize {
  const patch = patch_at(klp().patch);
  if (patch.model != KLP_MODEL_KGRAFT || !in_transition(patch)) return put_text(at, "-1\n");
  // Until tasks may move, all are where they have been.
  const moved = phase() >= PHASE_FLIP && !has_flag(task, TF_KGR);
  return put_text(at, moved == is_on(patch) ? "1\n" : "0\n");
}

/** 1 until the task has moved. */
function put_in_progress(at: usize, task: Task): usize {
  return put_text(at, has_flag(task, TF_KGR) ? "1\n" : "0\n");
}
