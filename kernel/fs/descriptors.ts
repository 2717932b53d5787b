/**
 * Descriptors: a process's numbers for its open files, shared by its threads.
 *
 * The process's lock guards the slots: between finding a file and holding it, no other thread can close it.
 */
import { EBADF, EMFILE } from "../abi";
import { SpinLock, spin_lock, spin_unlock } from "../lock/spinlock";
import { MAX_FILES, Task, file_slot, files_lock } from "../sched/task";
import { get_file, put_file } from "./file";
import { File } from "./handle";
import { Inode, get_inode, tree } from "./inode";
import { put_inode } from "./lifetime";

@inline function is_descriptor(fd: i32): bool {
  return <u32>fd < <u32>MAX_FILES;
}
@notrace function file_at(task: Task, fd: i32): File {
  return changetype<File>(is_descriptor(fd) ? <usize>load<u32>(file_slot(task, fd)) : 0);
}
@notrace function set_slot(task: Task, fd: i32, file: File): void {
  store<u32>(file_slot(task, fd), <u32>changetype<usize>(file));
}

/** The file behind `fd` with a reference, which put_file() gives back, or null. */
export function hold_file(task: Task, fd: i32): File {
  const lock: SpinLock = files_lock(task);
  spin_lock(lock);
  const file = file_at(task, fd);
  if (changetype<usize>(file)) get_file(file);
  spin_unlock(lock);
  return file;
}

/** Gives `file` the lowest free descriptor of `task`; -EMFILE when it has none. */
export function install_file(task: Task, file: File): i32 {
  const lock: SpinLock = files_lock(task);
  spin_lock(lock);
  let fd = 0;
  while (fd < MAX_FILES && load<u32>(file_slot(task, fd))) fd++;
  if (fd < MAX_FILES) set_slot(task, fd, file);
  spin_unlock(lock);
  return fd < MAX_FILES ? fd : -EMFILE;
}

/** Puts `file`, or nothing, behind `fd`; gives what was there, with its reference, or null. */
@notrace function exchange(task: Task, fd: i32, file: File): File {
  const lock: SpinLock = files_lock(task);
  spin_lock(lock);
  const before = file_at(task, fd);
  if (is_descriptor(fd)) set_slot(task, fd, file);
  spin_unlock(lock);
  return before;
}

/** Closes `fd`; 0 or -EBADF. */
export function close_file(task: Task, fd: i32): i32 {
  const file = exchange(task, fd, changetype<File>(0));
  if (!changetype<usize>(file)) return -EBADF;
  put_file(file);
  return 0;
}

/** Makes `to` another name of what is behind `fd`, closing what it was; gives `to`, or -EBADF. */
export function duplicate_file(task: Task, fd: i32, to: i32): i32 {
  const file = hold_file(task, fd);
  if (!changetype<usize>(file)) return -EBADF;
  if (!is_descriptor(to) || fd == to) {
    put_file(file);
    return is_descriptor(to) ? to : -EBADF;
  }
  const before = exchange(task, to, file);
  if (changetype<usize>(before)) put_file(before);
  return to;
}

/** Closes everything that a task has open, and lets go of its directory. */
export function close_all_files(task: Task): void {
  for (let fd = 0; fd < MAX_FILES; fd++) close_file(task, fd);
  set_directory(task, changetype<Inode>(0));
}

/** Makes `directory`, whose reference it takes over, the one that relative paths of `task` begin at; null for the root. */
export function set_directory(task: Task, directory: Inode): void {
  const lock: SpinLock = files_lock(task);
  spin_lock(lock);
  const before = task.leader.cwd;
  task.leader.cwd = changetype<usize>(directory);
  spin_unlock(lock);
  if (before) put_inode(changetype<Inode>(before));
}

/** The directory of `task`, with a reference. */
export function hold_directory(task: Task): Inode {
  const lock: SpinLock = files_lock(task);
  spin_lock(lock);
  const cwd = task.leader.cwd;
  const directory = get_inode(cwd ? changetype<Inode>(cwd) : tree().root);
  spin_unlock(lock);
  return directory;
}

/** Lets `child`, which does not run yet, have the file behind `fd` of `parent` as its own `at`; nothing when there is none. */
export function share_file(parent: Task, fd: i32, child: Task, at: i32): void {
  const file = hold_file(parent, fd);
  if (changetype<usize>(file)) set_slot(child, at, file);
}

/** Lets `child` share what `parent` has open, descriptor by descriptor. */
export function inherit_files(parent: Task, child: Task): void {
  for (let fd = 0; fd < MAX_FILES; fd++) share_file(parent, fd, child, fd);
}

/** Lets `child`, which does not run yet, begin with the identity and the directory of `parent`. */
export function inherit_identity(parent: Task, child: Task): void {
  child.uid = parent.uid;
  child.gid = parent.gid;
  child.umask = parent.umask;
  child.cwd = changetype<usize>(hold_directory(parent));
}
