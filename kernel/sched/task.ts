/**
 * A task: what the scheduler switches between, and where its Wasm stack sleeps.
 *
 *   page(s) of a task:  [ Task | saved stack ............ ]   Asyncify fills the stack upwards from its start
 *
 * Legal states:
 *   RUNNING          on_rq = 1, queued or on a CPU
 *   (UN)INTERRUPTIBLE on_rq = 1 while it is still on its way to schedule(), then on_rq = 0
 *   STOPPED          the same, until SIGCONT or SIGKILL
 *   ZOMBIE           exited; its parent has not asked yet
 *   DEAD             reaped or nobody's child; freed with the last reference
 *
 * A process is its first thread, the leader, and those that the leader points to; a task alone leads itself. Window,
 * files, children, arguments and process group are the leader's.
 */
import { TASK_RUNNING } from "../abi";
import { PAGE_SIZE, PERCPU_CURRENT, TASK_CPU, TASK_NAME, TASK_NAME_SIZE, TASK_ON_CPU, TASK_PID, TASK_STACK_END, TASK_STACK_POS, TASK_STATE } from "../layout";
import { this_cpu } from "../cpu/percpu";
import { ListNode } from "../lib/list";
import { SpinLock } from "../lock/spinlock";

/** What a task runs; its result is the exit status. */
export type TaskFunction = (argument: i32) => i32;

export const MAX_FILES = 16;
/** Flags of a task. */
export const TF_KTHREAD = 1;
export const TF_IDLE = 2;
/** Stays on its CPU. */
export const TF_PINNED = 4;
/** Its stack is in memory and must be rewound. */
export const TF_SAVED = 8;
/** A kernel thread that was asked to stop. */
export const TF_SHOULD_STOP = 16;
/** Its next start runs do_exit(): a fault threw its stack away. */
export const TF_KILLED = 32;
/** Still in the universe that the running kGraft transition leaves (Linux: TIF_KGR_IN_PROGRESS). */
export const TF_KGR = 64;
/** Woken, it runs next, on the CPU that woke it: a thread that others wait for, and that never runs for long. */
export const TF_URGENT = 128;
/** A per-CPU thread whose CPU is about to leave, or has left; and one that waits for it to come back. */
export const TF_SHOULD_PARK = 256;
export const TF_PARKED = 512;
/** A thread without which the machine cannot go on. */
export const TF_VITAL = 1024;
/** In `group_exit`, beside the status. */
export const GROUP_EXIT = 1 << 16;

@unmanaged
export class Task {
  pid: i32;
  /** Written by the task, or under wake_lock by who wakes it. */
  state: i32;
  /** 1 from being picked until its stack is wholly saved; atomic. */
  on_cpu: i32;
  /** Run queue that it belongs to; written under that queue's lock. */
  cpu: i32;
  /** Asyncify's pair: next free byte of the saved stack, and its end. */
  stack_pos: usize;
  stack_end: usize;
  name_0: u64;
  name_1: u64;
  flags: i32;
  /** 1 while it counts as runnable; guarded by the lock of run queue `cpu`. */
  on_rq: i32;
  run_next: ListNode;
  run_prev: ListNode;
  /** Makes wakers of this task take turns. */
  wake_owner: i32;
  wake_name: usize;
  wake_waiters: i32;
  wake_contended: i32;
  /** When it was put on a queue by a waker, ns; 0 once measured. */
  woken_at: f64;
  /** References: one while it can run, one while it is in the task list. Atomic. */
  references: i32;
  entry: i32; // table index of its TaskFunction
  argument: i32;
  /** Wait status as Linux encodes it: code << 8 | signal. */
  exit_status: i32;
  /** Family; guarded by the task-list lock. */
  parent: Task;
  children: Task; // first child
  sibling: Task; // next child of the same parent
  /** Its place on a wait queue; guarded by that queue's lock. */
  wait_next: ListNode;
  wait_prev: ListNode;
  /** Wait queue where it sleeps for its children: a lock and a list head. */
  child_owner: i32;
  child_name: usize;
  child_waiters: i32;
  child_contended: i32;
  child_next: ListNode;
  child_prev: ListNode;
  /** Signal that will end it, or 0. Atomic. */
  signal: i32;
  /** Ticks left of its time slice. */
  slice: i32;
  /** It used up its last slice instead of sleeping. Written by the task's CPU. */
  hog: i32;
  /** Runs user code right now. Written by the task itself. */
  in_user: i32;
  /** Table index of the user program's entry. */
  program: i32;
  /** The timer it sleeps on: a Timer record (sched/timer.ts). */
  sleep_expires: f64;
  sleep_fn: i32;
  sleep_argument: i32;
  sleep_place: i32;
  sleep_cpu: i32;
  /** User window: address and size, 0 for kernel threads. */
  window: usize;
  window_bytes: i32;
  /** Its return stack while function_graph runs, or 0 (trace/graph.ts). Written under the task-list lock. */
  trace_stack: usize;
  /** Wait queue that it is on, or 0; for reports, and to take it off when its stack is thrown away. */
  waits_on: usize;
  /** What it waits for among others on the same queue; set before it queues itself. */
  wait_key: usize;
  /** Trips through the kernel so far: system calls, or rounds of a kernel thread's loop. Written by the task. */
  trip: i32;
  /** A live-patch poke: its interruptible sleep ends, its system call is made again. Atomic. */
  poked: i32;
  /** livepatchd wants this task to pass a border: a kernel thread's next interruptible sleep, or a stop, does not begin. Atomic. */
  nudged: i32;
  /** Its place among all tasks; guarded by the task-list lock. */
  all_next: ListNode;
  all_prev: ListNode;
  /** Generation of the last scan that saw its stack; see livepatch/transition.ts. */
  scanned: i32;
  /** When the nanosleep that was poked should end, or 0. Written by the task. */
  restart_at: f64;
  /** Signals that wait to be delivered: bit number - 1. Atomic; set and cleared under the task-list lock but by the task itself. */
  pending: u64;
  /** Signals that the process ignores. Written by its threads. Leader's. */
  ignored: u64;
  /** First thread of its process; a thread holds a reference to it. */
  leader: Task;
  /** Next thread of the same process, from the leader on; guarded by the task-list lock, as are the next four. */
  next_thread: Task;
  /** Threads that have not ended. Leader's. */
  threads: i32;
  /** Wait status with which all threads end, with GROUP_EXIT, or 0. Leader's. */
  group_exit: i32;
  /** Process group. Leader's. */
  group: i32;
  /** Signal that stopped this thread, or 0. */
  stopped: i32;
  /** The parent has not been told yet that it stopped. Leader's. */
  stop_news: i32;
  /** Threads that still use window and files. Leader's; atomic. */
  users: i32;
  /** Arguments, each with a zero behind it, or 0. Leader's. */
  args: usize;
  args_length: i32;
  /** The mutex that it took last and still holds, or 0; that one names the next (lock/mutex.ts). */
  mutexes: usize;
  /** Guards descriptors and `cwd`. Leader's, as are the next four. */
  files_owner: i32;
  files_name: usize;
  files_waiters: i32;
  files_contended: i32;
  /** Inode of the directory that relative paths begin at, or 0 for the root. */
  cwd: usize;
  /** Who it is, and the permissions that files it makes are not given. Written by its threads. */
  uid: i32;
  gid: i32;
  umask: i32;
  /** What it has queued to wait for a grace period (lock/rcu.ts): an RcuHead; and whether that is over, atomic. */
  rcu_next: usize;
  rcu_fn: i32;
  rcu_done: i32;
}
/** Open files follow the leader's record. */
export const TASK_FILES = <i32>offsetof<Task>();
export const TASK_STACK = TASK_FILES + MAX_FILES * 4;

if (<i32>offsetof<Task>("pid") != TASK_PID) ERROR("Task.pid differs from layout.ts");
if (<i32>offsetof<Task>("state") != TASK_STATE) ERROR("Task.state differs from layout.ts");
if (<i32>offsetof<Task>("on_cpu") != TASK_ON_CPU) ERROR("Task.on_cpu differs from layout.ts");
if (<i32>offsetof<Task>("cpu") != TASK_CPU) ERROR("Task.cpu differs from layout.ts");
if (<i32>offsetof<Task>("stack_pos") != TASK_STACK_POS) ERROR("Task.stack_pos differs from layout.ts");
if (<i32>offsetof<Task>("stack_end") != TASK_STACK_END) ERROR("Task.stack_end differs from layout.ts");
if (<i32>offsetof<Task>("name_0") != TASK_NAME || TASK_NAME_SIZE != 16) ERROR("Task.name differs from layout.ts");
if (TASK_STACK + 2048 > PAGE_SIZE) ERROR("Task leaves too little of its page to the stack");

/** The task that runs on this CPU. */
@inline export function current(): Task {
  return changetype<Task>(<usize>load<u32>(this_cpu, PERCPU_CURRENT));
}
@inline export function stack_base(task: Task): usize {
  return changetype<usize>(task) + TASK_STACK;
}
@inline export function wake_lock(task: Task): SpinLock {
  return changetype<SpinLock>(changetype<usize>(task) + offsetof<Task>("wake_owner"));
}
@inline export function run_node(task: Task): ListNode {
  return changetype<ListNode>(changetype<usize>(task) + offsetof<Task>("run_next"));
}
@inline export function task_of_run_node(node: ListNode): Task {
  return changetype<Task>(changetype<usize>(node) - offsetof<Task>("run_next"));
}
@inline export function wait_node(task: Task): ListNode {
  return changetype<ListNode>(changetype<usize>(task) + offsetof<Task>("wait_next"));
}
@inline export function task_of_wait_node(node: ListNode): Task {
  return changetype<Task>(changetype<usize>(node) - offsetof<Task>("wait_next"));
}
@inline export function file_slot(task: Task, fd: i32): usize {
  return changetype<usize>(task.leader) + TASK_FILES + (<usize>fd << 2);
}
@inline export function files_lock(task: Task): SpinLock {
  return changetype<SpinLock>(changetype<usize>(task.leader) + offsetof<Task>("files_owner"));
}
@inline export function has_flag(task: Task, flag: i32): bool {
  return (atomic.load<i32>(changetype<usize>(task), offsetof<Task>("flags")) & flag) != 0;
}

/** Whether `task` goes before others when it is woken: a service thread, or one that livepatchd waits for. */
@inline export function is_urgent(task: Task): bool {
  if (has_flag(task, TF_URGENT)) return true;
  return has_flag(task, TF_KGR) && atomic.load<i32>(changetype<usize>(task), offsetof<Task>("nudged")) != 0;
}
/** Flags change by read-modify-write: the task itself, its stopper and the CPU that saves it may do so at once. */
@inline export function set_flag(task: Task, flag: i32): void {
  atomic.or<i32>(changetype<usize>(task), flag, offsetof<Task>("flags"));
}
@inline export function clear_flag(task: Task, flag: i32): void {
  atomic.and<i32>(changetype<usize>(task), ~flag, offsetof<Task>("flags"));
}
@inline export function on_cpu(task: Task): bool {
  return atomic.load<i32>(changetype<usize>(task), TASK_ON_CPU) != 0;
}

/**
 * Sets the state of the current task, before it looks at the condition that it will sleep for: a waker that comes in
 * between then finds it and makes it RUNNING again. Pairs with the read of `state` in wake_up_task().
 */
@inline export function set_current_state(state: i32): void {
  atomic.store<i32>(changetype<usize>(current()), state, TASK_STATE);
}
@inline export function task_state(task: Task): i32 {
  return atomic.load<i32>(changetype<usize>(task), TASK_STATE);
}
@inline export function is_runnable(task: Task): bool {
  return task_state(task) == TASK_RUNNING;
}
