/**
 * User processes: a program of the user image, run in a window of memory of its own.
 *
 * Every address of a user program is an offset into its window (the toolchain sees to that), and window_base, a
 * per-CPU global that the user code reads, says where the window of the running task lies.
 */
import { EAGAIN, ENOMEM, SPAWN_ARGUMENT, SPAWN_ARGV_LENGTH, SPAWN_FDS, SPAWN_FLAGS, SPAWN_GROUP, SPAWN_SETSIGDEF } from "../abi";
import {
  MACHINE, MACHINE_USER_TEMPLATE, MACHINE_USER_TEMPLATE_BYTES, MACHINE_WINDOW_BYTES, PAGE_SIZE, PROGRAM_ENTRY,
  PROGRAM_NAME, PROGRAM_NAME_LENGTH, } from "../layout";
import { inherit_files, inherit_identity, share_file } from "../fs/descriptors";
import { is_error } from "../fs/inode";
import { resolve_program } from "../fs/program";
import { CACHE_WINDOW, cache_alloc, cache_free, cache_init } from "../mm/slab";
import { Task, current } from "../sched/task";
import { add_thread } from "../sched/tasklist";
import { create_task, start_task } from "./create";
import { exit_group } from "./exit";
import { deliver_signals } from "./signal";

/** An 8-byte access at the last byte of a window ends this far behind it at most. */
const WINDOW_SLACK = 16;

/** Where the running task's window begins. Read by user code, set at every switch. */
@percpu export let window_base: usize = 0;

@bare export function set_window_base(base: usize): void {
  window_base = base;
}

/** Prepares the windows' cache: blocks of about eight windows. Without user image there are none. */
export function windows_init(): void {
  const size = load<i32>(MACHINE, MACHINE_WINDOW_BYTES) + WINDOW_SLACK;
  let order = 0;
  while (order < 8 && PAGE_SIZE << order < size * 8) order++;
  cache_init(CACHE_WINDOW, "windows", size, order);
}

/** Starts program `name` as a child of the caller, sharing its open files; gives the pid or -errno. */
export function spawn(name: usize, length: i32, argument: i32): i32 {
  const task = load_program(name, length, argument);
  if (is_error(changetype<usize>(task))) return <i32>changetype<usize>(task);
  inherit_files(current(), task);
  return begin_process(task, INHERIT_GROUP);
}

/**
 * The same with what a SPAWN_* block says: arguments, the files that become 0, 1 and 2, the process group. `plan` and
 * the arguments are in kernel memory; the arguments become the process's own, to be freed with it, unless it fails.
 */
export function spawn_with(name: usize, length: i32, plan: usize, args: usize): i32 {
  const task = load_program(name, length, load<i32>(plan, SPAWN_ARGUMENT));
  if (is_error(changetype<usize>(task))) return <i32>changetype<usize>(task);
  for (let fd = 0; fd < 3; fd++) share_file(current(), load<i32>(plan + (<usize>fd << 2), SPAWN_FDS), task, fd);
  if (load<i32>(plan, SPAWN_FLAGS) & SPAWN_SETSIGDEF) task.ignored = 0;
  task.args = args;
  task.args_length = load<i32>(plan, SPAWN_ARGV_LENGTH);
  return begin_process(task, load<i32>(plan, SPAWN_GROUP));
}

const INHERIT_GROUP = -1;
const OWN_GROUP = 0;

/** Joins the process group, and runs; gives the pid. */
function begin_process(task: Task, group: i32): i32 {
  const parent = current().leader;
  // A process that the kernel itself starts has no group to inherit.
  const inherited = group == INHERIT_GROUP && parent.group ? parent.group : group;
  task.group = inherited > OWN_GROUP ? inherited : task.pid;
  const pid = task.pid;
  start_task(task);
  return pid;
}

/** A child of the caller with a window of its own that will run program `name`; or a negative errno as its address. */
function load_program(name: usize, length: i32, argument: i32): Task {
  const program = resolve_program(name, length);
  if (is_error(program)) return changetype<Task>(program);
  const window = cache_alloc(CACHE_WINDOW);
  if (!window) return changetype<Task>(<usize>-ENOMEM);
  const parent = current().leader;
  const task = create_task(program + PROGRAM_NAME, load<i32>(program, PROGRAM_NAME_LENGTH), user_main, argument, parent, 0);
  if (!changetype<usize>(task)) {
    cache_free(window);
    return changetype<Task>(<usize>-EAGAIN);
  }
  const template = load<i32>(MACHINE, MACHINE_USER_TEMPLATE_BYTES);
  memory.copy(window, <usize>load<u32>(MACHINE, MACHINE_USER_TEMPLATE), template);
  task.window_bytes = load<i32>(MACHINE, MACHINE_WINDOW_BYTES);
  memory.fill(window + template, 0, task.window_bytes - template);
  task.window = window;
  task.program = load<i32>(program, PROGRAM_ENTRY);
  task.ignored = parent.ignored;
  inherit_identity(parent, task);
  return task;
}

/** Another thread of the caller's process, which runs program `name` in the same window; its tid or -errno. */
export function spawn_thread(name: usize, length: i32, argument: i32): i32 {
  const program = resolve_program(name, length);
  if (is_error(program)) return <i32>program;
  const leader = current().leader;
  const task = create_task(program + PROGRAM_NAME, load<i32>(program, PROGRAM_NAME_LENGTH), user_main, argument, changetype<Task>(0), 0);
  if (!changetype<usize>(task)) return -EAGAIN;
  add_thread(leader, task);
  task.window = current().window;
  task.window_bytes = current().window_bytes;
  task.program = load<i32>(program, PROGRAM_ENTRY);
  const pid = task.pid;
  start_task(task);
  return pid;
}

/** Bottom of a user task: into the program, and out with its result as exit code: the whole process's if it is the first thread. */
@sleeps function user_main(argument: i32): i32 {
  set_window_base(current().window);
  deliver_signals();
  current().in_user = 1;
  const code = call_indirect<i32>(current().program, argument);
  current().in_user = 0;
  if (current().leader == current()) exit_group((code & 255) << 8);
  return code & 255;
}
