/**
 * Open files: descriptors of a task, and the table that sends read, write and release to the right kind.
 *
 * Adding a kind is a number, a row in each of the three tables, and a test.
 */
import { EBADF, EMFILE, O_RDONLY, O_RDWR, O_WRONLY } from "../abi";
import { kfree, kzalloc } from "../mm/slab";
import { MAX_FILES, Task, file_slot } from "../sched/task";
import { FILE_SIZE, File } from "./handle";
import { pipe_read, pipe_release, pipe_write } from "./pipe";
import { proc_read, proc_release, proc_write } from "./procfs";
import { ram_read, ram_release, ram_write } from "./ramfs";
import { tty_read, tty_release, tty_write } from "./tty";

type TransferFunction = (file: File, buffer: usize, length: i32) => i32;
type ReleaseFunction = (file: File) => void;

const READ: StaticArray<TransferFunction> = [ram_read, pipe_read, proc_read, tty_read];
const WRITE: StaticArray<TransferFunction> = [ram_write, pipe_write, proc_write, tty_write];
const RELEASE: StaticArray<ReleaseFunction> = [ram_release, pipe_release, proc_release, tty_release];

/** A file record of `kind`, one reference; null when memory is out. */
export function alloc_file(kind: i32, flags: i32, object: usize): File {
  const file = changetype<File>(kzalloc(FILE_SIZE));
  if (!changetype<usize>(file)) return file;
  file.references = 1;
  file.kind = kind;
  file.flags = flags;
  file.object = object;
  return file;
}

/** Gives `file` the lowest free descriptor of `task`; -EMFILE when it has none. */
export function install_file(task: Task, file: File): i32 {
  for (let fd = 0; fd < MAX_FILES; fd++) {
    if (load<u32>(file_slot(task, fd))) continue;
    store<u32>(file_slot(task, fd), <u32>changetype<usize>(file));
    return fd;
  }
  return -EMFILE;
}

/** The file behind `fd`, or null. */
export function file_of(task: Task, fd: i32): File {
  return changetype<File>(<u32>fd < <u32>MAX_FILES ? <usize>load<u32>(file_slot(task, fd)) : 0);
}

/** Reads at most `length` bytes to the caller's `buffer`; gives how many, 0 at the end, or -errno. */
@sleeps export function vfs_read(file: File, buffer: usize, length: i32): i32 {
  if ((file.flags & (O_WRONLY | O_RDWR)) == O_WRONLY) return -EBADF;
  return unchecked(READ[file.kind])(file, buffer, length);
}

/** Writes at most `length` bytes from the caller's `buffer`; gives how many, or -errno. */
@sleeps export function vfs_write(file: File, buffer: usize, length: i32): i32 {
  if ((file.flags & (O_WRONLY | O_RDWR)) == O_RDONLY) return -EBADF;
  return unchecked(WRITE[file.kind])(file, buffer, length);
}

/** Drops a reference; the last one releases what the file stands for. */
@sleeps export function put_file(file: File): void {
  if (atomic.sub<i32>(changetype<usize>(file), 1, offsetof<File>("references")) > 1) return;
  unchecked(RELEASE[file.kind])(file);
  kfree(changetype<usize>(file));
}

/** One more reference. */
export function get_file(file: File): void {
  atomic.add<i32>(changetype<usize>(file), 1, offsetof<File>("references"));
}

/** Closes `fd`; 0 or -EBADF. */
export function close_file(task: Task, fd: i32): i32 {
  const file = file_of(task, fd);
  if (!changetype<usize>(file)) return -EBADF;
  store<u32>(file_slot(task, fd), 0);
  put_file(file);
  return 0;
}

/** Closes everything that a task has open. */
export function close_all_files(task: Task): void {
  for (let fd = 0; fd < MAX_FILES; fd++) close_file(task, fd);
}

/** Lets `child` have the file behind `fd` of `parent` as its own `at`; nothing when there is none. */
export function share_file(parent: Task, fd: i32, child: Task, at: i32): void {
  const file = file_of(parent, fd);
  if (!changetype<usize>(file)) return;
  get_file(file);
  store<u32>(file_slot(child, at), <u32>changetype<usize>(file));
}

/** Lets `child` share what `parent` has open, descriptor by descriptor. */
export function inherit_files(parent: Task, child: Task): void {
  for (let fd = 0; fd < MAX_FILES; fd++) share_file(parent, fd, child, fd);
}
