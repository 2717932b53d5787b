/**
 * User processes: a program of the user image, run in a window of memory of its own.
 *
 * Every address of a user program is an offset into its window (the toolchain sees to that), and window_base, a
 * per-CPU global that the user code reads, says where the window of the running task lies.
 */
import { EAGAIN, ENOENT, ENOMEM } from "../abi";
import {
  MACHINE, MACHINE_PROGRAMS, MACHINE_PROGRAM_COUNT, MACHINE_USER_TEMPLATE, MACHINE_USER_TEMPLATE_BYTES, MACHINE_WINDOW_BYTES, PAGE_SIZE, PROGRAM_ENTRY,
  PROGRAM_NAME, PROGRAM_NAME_LENGTH, PROGRAM_SIZE,
} from "../layout";
import { inherit_files } from "../fs/file";
import { CACHE_WINDOW, cache_alloc, cache_free, cache_init } from "../mm/slab";
import { Task, current } from "../sched/task";
import { create_task, start_task } from "./create";
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

@notrace function find_program(name: usize, length: i32): usize {
  let row = <usize>load<u32>(MACHINE, MACHINE_PROGRAMS);
  for (let i = 0; i < load<i32>(MACHINE, MACHINE_PROGRAM_COUNT); i++) {
    if (load<i32>(row, PROGRAM_NAME_LENGTH) == length && memory.compare(row + PROGRAM_NAME, name, length) == 0) return row;
    row += PROGRAM_SIZE;
  }
  return 0;
}

/** Starts program `name` as a child of the caller, sharing its open files; gives the pid or -errno. */
export function spawn(name: usize, length: i32, argument: i32): i32 {
  const program = find_program(name, length);
  if (!program) return -ENOENT;
  const window = cache_alloc(CACHE_WINDOW);
  if (!window) return -ENOMEM;
  const task = create_task(name, length, user_main, argument, current(), 0);
  if (!changetype<usize>(task)) {
    cache_free(window);
    return -EAGAIN;
  }
  const template = load<i32>(MACHINE, MACHINE_USER_TEMPLATE_BYTES);
  memory.copy(window, <usize>load<u32>(MACHINE, MACHINE_USER_TEMPLATE), template);
  task.window_bytes = load<i32>(MACHINE, MACHINE_WINDOW_BYTES);
  memory.fill(window + template, 0, task.window_bytes - template);
  task.window = window;
  task.program = load<i32>(program, PROGRAM_ENTRY);
  inherit_files(current(), task);
  const pid = task.pid;
  start_task(task);
  return pid;
}

/** Bottom of a user task: into the program, and out with its result as exit code. */
@sleeps function user_main(argument: i32): i32 {
  set_window_base(current().window);
  deliver_signals();
  current().in_user = 1;
  const code = call_indirect<i32>(current().program, argument);
  current().in_user = 0;
  return code & 255;
}
