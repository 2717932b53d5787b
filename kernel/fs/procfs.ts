/**
 * /proc: text made when a file is opened. A new file is a row in NAMES, a generator in the same place, and a test.
 */
import { EINVAL, ENOENT, ENOMEM, TASK_INTERRUPTIBLE, TASK_RUNNING, TASK_STOPPED, TASK_UNINTERRUPTIBLE, TASK_ZOMBIE } from "../abi";
import { clock_ns } from "../cpu/clock";
import { PAGE_SIZE, TASK_NAME_SIZE } from "../layout";
import { parse_number, put_number, put_padded, put_text, put_zero_ended, spells } from "../lib/text";
import { SpinLock, spin_lock, spin_unlock } from "../lock/spinlock";
import { alloc_pages, free_page_count, free_pages, total_pages } from "../mm/page";
import { copy_to_user } from "../mm/uaccess";
import { runqueue } from "../sched/runqueue";
import { pin_task, put_stack, unpin_task } from "../sched/stacktrace";
import { Task, current, task_state } from "../sched/task";
import { find_task, get_task, put_task, tasklist } from "../sched/tasklist";
import { File } from "./handle";

/** Writes a file's text at `at`, at most a page; gives its end. `task` is null outside /proc/<pid>. */
type Generator = (at: usize, task: Task) => usize;

const NAMES: StaticArray<string> = ["uptime", "meminfo", "stack", "status"];
const GENERATORS: StaticArray<Generator> = [put_uptime, put_meminfo, put_task_stack, put_status];
/** Rows from here on live in /proc/<pid>. */
const FIRST_OF_TASK = 2;

/** Makes the text of `path` (behind "/proc/") in a fresh page: its address, with the length at `size`; or a negative errno. */
@sleeps export function proc_open(path: usize, length: i32, size: usize): usize {
  let slash = 0;
  while (slash < length && load<u8>(path + slash) != 47) slash++;
  const of_task = slash < length;
  const row = row_of(of_task ? path + slash + 1 : path, of_task ? length - slash - 1 : length);
  if (row < 0 || row >= FIRST_OF_TASK != of_task) return <usize>-ENOENT;
  let task = changetype<Task>(0);
  if (of_task) {
    task = task_named(path, slash);
    if (!changetype<usize>(task)) return <usize>-ENOENT;
  }
  const page = alloc_pages(0);
  if (page) store<i32>(size, <i32>(unchecked(GENERATORS[row])(page, task) - page));
  if (of_task) put_task(task);
  return page ? page : <usize>-ENOMEM;
}

@notrace function row_of(name: usize, length: i32): i32 {
  for (let row = 0; row < NAMES.length; row++) if (spells(name, length, unchecked(NAMES[row]))) return row;
  return -1;
}

/** The task that "self" or a pid names, with a reference, or null. */
@notrace function task_named(name: usize, length: i32): Task {
  const pid = spells(name, length, "self") ? current().pid : parse_number(name, length);
  if (pid < 0) return changetype<Task>(0);
  spin_lock(tasklist());
  const task = find_task(pid);
  if (changetype<usize>(task)) get_task(task);
  spin_unlock(tasklist());
  return task;
}

function put_uptime(at: usize, task: Task): usize {
  const centiseconds = <i64>(clock_ns() / 10000000);
  at = put_text(put_number(at, centiseconds / 100), ".");
  return put_text(put_padded(at, centiseconds % 100, 2, 48), "\n");
}

function put_meminfo(at: usize, task: Task): usize {
  at = put_text(put_padded(put_text(at, "MemTotal:"), total_pages() * 4, 15, 32), " kB\n");
  return put_text(put_padded(put_text(at, "MemFree: "), free_page_count() * 4, 15, 32), " kB\n");
}

/** The saved stack; a running task has none, and one that runs while we look is not waited for. */
function put_task_stack(at: usize, task: Task): usize {
  if (!pin_task(task)) return put_text(put_number(put_text(at, "[<0>] running on cpu "), task.cpu), "\n");
  const end = put_stack(at, PAGE_SIZE, task);
  unpin_task(task, runqueue(task.cpu));
  return end;
}

function put_status(at: usize, task: Task): usize {
  const name = changetype<usize>(task) + offsetof<Task>("name_0");
  at = put_text(put_zero_ended(put_text(at, "Name:\t"), name, TASK_NAME_SIZE), "\n");
  at = put_text(put_text(put_text(at, "State:\t"), state_text(task_state(task))), "\n");
  at = put_text(put_number(put_text(at, "Pid:\t"), task.pid), "\n");
  at = put_text(put_number(put_text(at, "Cpu:\t"), task.cpu), "\n");
  if (!task.waits_on) return at;
  return put_text(put_text(put_text(at, "Waits:\t"), changetype<string>(changetype<SpinLock>(task.waits_on).name)), "\n");
}

@notrace function state_text(state: i32): string {
  if (state == TASK_RUNNING) return "R (running)";
  if (state == TASK_INTERRUPTIBLE) return "S (sleeping)";
  if (state == TASK_UNINTERRUPTIBLE) return "D (disk sleep)";
  if (state == TASK_STOPPED) return "T (stopped)";
  if (state == TASK_ZOMBIE) return "Z (zombie)";
  return "X (dead)";
}

export function proc_read(file: File, to: usize, length: i32): i32 {
  const part = min(length, file.size - file.position);
  if (part <= 0) return 0;
  const error = copy_to_user(to, file.object + file.position, part);
  if (error) return error;
  file.position += part;
  return part;
}

export function proc_write(file: File, from: usize, length: i32): i32 {
  return -EINVAL; // no file here can be written
}

export function proc_release(file: File): void {
  free_pages(file.object, 0);
}
