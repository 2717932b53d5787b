/**
 * All tasks: by pid, by family, and the memory they live in.
 *
 * The list holds one reference to each task, the right to run another; whoever drops the last frees the pages, so a
 * parent can reap a child whose CPU has not quite left its stack.
 */
import { SIGKILL } from "../abi";
import { MACHINE, MACHINE_STACK_BYTES, PAGE_SIZE, SYSCTLS, SYSCTL_PID_MAX, TASKLIST, TASKLIST_SIZE, TASK_NAME_SIZE } from "../layout";
import { panic } from "../lib/printk";
import { SpinLock, spin_lock, spin_lock_init, spin_unlock } from "../lock/spinlock";
import { alloc_pages, free_pages } from "../mm/page";
import { ListNode, list_add_tail, list_empty, list_init, list_remove } from "../lib/list";
import { kgr_mark } from "../livepatch/universe";
import { graph_adopt, graph_release } from "../trace/graph";
import { MAX_FILES, TASK_FILES, TASK_STACK, TF_KGR, Task, TaskFunction, current, files_lock, has_flag, run_node, stack_base, wait_node, wake_lock } from "./task";

export const MAX_PIDS = 16384;
const PID_ORDER = 4; // 16 pages of 4-byte entries

/** The lock guards the table, the families of all tasks and their ZOMBIE states. */
@unmanaged
class TaskList extends SpinLock {
  table: usize;
  next_pid: i32;
  tasks: i32;
  /** Order of the block that a task and its stack take. */
  order: i32;
  /** Every task with a pid, oldest first. */
  all_next: ListNode;
  all_prev: ListNode;
}
if (<i32>offsetof<TaskList>() > TASKLIST_SIZE) ERROR("TaskList no longer fits layout.ts");
if (MAX_PIDS * 4 != PAGE_SIZE << PID_ORDER) ERROR("PID_ORDER does not fit MAX_PIDS");

/** The one list; lock it to walk tasks or families. */
@inline export function tasklist(): TaskList {
  return changetype<TaskList>(<usize>TASKLIST);
}

export function tasklist_init(): void {
  const list = tasklist();
  spin_lock_init(list, "tasklist");
  list.table = alloc_pages(PID_ORDER);
  memory.fill(list.table, 0, MAX_PIDS * 4);
  list.next_pid = 1;
  list.tasks = 0;
  list.order = 0;
  list_init(all());
  while (PAGE_SIZE << list.order < TASK_STACK + load<i32>(MACHINE, MACHINE_STACK_BYTES)) list.order++;
}

@inline function all(): ListNode {
  return changetype<ListNode>(<usize>TASKLIST + offsetof<TaskList>("all_next"));
}
@inline function all_node(task: Task): ListNode {
  return changetype<ListNode>(changetype<usize>(task) + offsetof<Task>("all_next"));
}
@inline function task_at(node: ListNode): Task {
  return changetype<Task>(node == all() ? 0 : changetype<usize>(node) - offsetof<Task>("all_next"));
}

/** The oldest task, or null; the list is locked, or the machine stopped. */
@inline export function first_task(): Task {
  return task_at(all().next);
}

/** The next younger task, or null; the list is locked, or the machine stopped. */
@inline export function next_task(task: Task): Task {
  return task_at(all_node(task).next);
}

/** Whether `task` is still on the list; the list is locked. */
@inline export function is_listed(task: Task): bool {
  return !list_empty(all_node(task));
}

@inline function entry(pid: i32): usize {
  return tasklist().table + (<usize>pid << 2);
}

/** The task with `pid`, or null; the list is locked. */
@notrace export function find_task(pid: i32): Task {
  return changetype<Task>(<u32>pid < <u32>MAX_PIDS ? <usize>load<u32>(entry(pid)) : 0);
}

/** A zeroed task with its locks and lists ready, on no list; null when memory is out. */
export function alloc_task(): Task {
  const block = alloc_pages(tasklist().order);
  if (!block) return changetype<Task>(0);
  memory.fill(block, 0, TASK_FILES + MAX_FILES * 4);
  const task = changetype<Task>(block);
  task.stack_pos = stack_base(task);
  task.stack_end = block + (<usize>PAGE_SIZE << tasklist().order);
  task.references = 2;
  task.leader = task;
  task.threads = 1;
  task.users = 1;
  spin_lock_init(wake_lock(task), "task wake");
  spin_lock_init(files_lock(task), "files");
  task.umask = 0o022;
  list_init(run_node(task));
  list_init(wait_node(task));
  list_init(all_node(task));
  return task;
}

/** What `task` runs when it starts. */
@notrace @sleeps export function set_entry(task: Task, entry: TaskFunction, argument: i32): void {
  task.entry = entry.index;
  task.argument = argument;
}

/** Pids go round below kernel.pid_max. */
@inline function next_after(pid: i32): i32 {
  return pid + 1 < load<i32>(SYSCTLS, SYSCTL_PID_MAX) ? pid + 1 : 1;
}

/** Names it, gives it a pid, makes it a child of `parent` (or nobody's); false when all pids are taken. */
export function add_task(task: Task, parent: Task): bool {
  const list = tasklist();
  spin_lock(list);
  if (list.next_pid >= load<i32>(SYSCTLS, SYSCTL_PID_MAX)) list.next_pid = 1; // it was lowered
  const first = list.next_pid;
  while (load<u32>(entry(list.next_pid))) {
    list.next_pid = next_after(list.next_pid);
    if (list.next_pid == first) {
      spin_unlock(list);
      return false;
    }
  }
  task.pid = list.next_pid;
  store<u32>(entry(task.pid), <u32>changetype<usize>(task));
  list.next_pid = next_after(list.next_pid);
  list.tasks += 1;
  list_add_tail(all(), all_node(task));
  graph_adopt(task);
  // In the parent's universe, and under the lock under which a transition marks its tasks.
  if (has_flag(current(), TF_KGR)) kgr_mark(task);
  if (changetype<usize>(parent)) adopt(parent, task);
  spin_unlock(list);
  return true;
}

/** Makes `task` a thread of the process that `leader` leads; not started yet. */
export function add_thread(leader: Task, task: Task): void {
  spin_lock(tasklist());
  get_task(leader);
  task.leader = leader;
  task.next_thread = leader.next_thread;
  leader.next_thread = task;
  leader.threads += 1;
  atomic.add<i32>(changetype<usize>(leader), 1, offsetof<Task>("users"));
  if (leader.group_exit) task.pending = 1 << (SIGKILL - 1); // it comes too late
  spin_unlock(tasklist());
}

/** Takes a thread out of its process; the list is locked. */
@notrace export function drop_thread(task: Task): void {
  let before = task.leader;
  while (before.next_thread != task) before = before.next_thread;
  before.next_thread = task.next_thread;
}

/** Makes `child` the first child of `parent`; the list is locked. */
@notrace export function adopt(parent: Task, child: Task): void {
  child.parent = parent;
  child.sibling = parent.children;
  parent.children = child;
}

/** Takes `child` out of its parent's children; the list is locked. */
@notrace export function disown(child: Task): void {
  const parent = child.parent;
  if (changetype<usize>(parent) == 0) return;
  if (parent.children == child) parent.children = child.sibling;
  else {
    let before = parent.children;
    while (before.sibling != child) before = before.sibling;
    before.sibling = child.sibling;
  }
  child.parent = changetype<Task>(0);
}

/** Takes a finished task off the list and drops the list's reference; the list is locked. */
@notrace export function remove_task(task: Task): void {
  const list = tasklist();
  disown(task);
  store<u32>(entry(task.pid), 0);
  list_remove(all_node(task));
  list.tasks -= 1;
}

/** Drops a reference; the last one frees task and stack. */
@notrace export function put_task(task: Task): void {
  const before = atomic.sub<i32>(changetype<usize>(task), 1, offsetof<Task>("references"));
  if (before > 1) return;
  if (before < 1) panic("put_task() of a task without references");
  graph_release(task);
  free_pages(changetype<usize>(task), tasklist().order);
}

/** Takes a reference to a task that the caller knows to have one. */
@notrace export function get_task(task: Task): void {
  atomic.add<i32>(changetype<usize>(task), 1, offsetof<Task>("references"));
}

@notrace export function name_task(task: Task, from: usize, length: i32): void {
  const taken = min(length, TASK_NAME_SIZE - 1);
  const at = changetype<usize>(task) + offsetof<Task>("name_0");
  memory.fill(at, 0, TASK_NAME_SIZE);
  memory.copy(at, from, taken);
}

export function task_count(): i32 {
  return tasklist().tasks;
}

/** The pid that was given last. */
export function last_pid(): i32 {
  return tasklist().next_pid - 1;
}
