/**
 * The directories of /proc: what lives in the tree, and tasks, whose files are made when somebody looks.
 *
 *   /proc          the tree's, `self`, and a directory per process   (threads are found, but not listed, as on Linux)
 *   /proc/7        its files, `cwd`, `fd`, `task`
 *   /proc/7/fd     a link per descriptor
 *   /proc/7/task   a directory per thread, with its files
 */
import { ENOENT, ENOMEM, S_IFDIR, S_IFLNK, S_IFREG } from "../abi";
import { parse_number, put_number, put_text, spells } from "../lib/text";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { kfree, kmalloc } from "../mm/slab";
import { MAX_FILES, Task, file_slot } from "../sched/task";
import { MAX_PIDS, find_task, put_task, tasklist } from "../sched/tasklist";
import { hold_directory, hold_file } from "./descriptors";
import { Dirent, dirent_name, fill_dirent, tree_next } from "./dirent";
import { put_file } from "./file";
import { FILE_DIRECTORY, FILE_LINK, FILE_PIPE, FILE_TEXT, File } from "./handle";
import { FS_PROC, Inode, no_inode, tree_child } from "./inode";
import { new_inode, put_inode } from "./lifetime";
import { mount_at } from "./mount";
import { put_path } from "./path";
import { process } from "./permission";
import { TASK_FILE_MODES, TASK_FILE_NAMES, hold_task, task_file_show } from "./proc_task";

/** Which directory an inode is: what lives in the tree, then those of a task. */
const IN_TREE = 0;
const PROCESS = 1;
const DESCRIPTORS = 2;
const THREADS = 3;
const THREAD = 4;

/** Entries of a process's directory that are no files. */
const NAMES: StaticArray<string> = ["fd", "task", "cwd"];
const NAME_ROWS: StaticArray<i32> = [DESCRIPTORS, THREADS, IN_TREE];
const CWD = 2;

/** Where the numbers of a task's files begin, and those of its descriptors. */
const FILES_PLACE = 16;
const DESCRIPTORS_PLACE = 64;

/** Cookies of /proc: numbers of inodes in the tree, then `self`, then processes. */
const SELF_COOKIE: u32 = 1 << 30;
/** Longest text of a link here. */
const LINK_TEXT = 512;

/** Inode numbers say which file of which task it is, so that they stay the same. */
@inline function number_of(pid: i32, place: i32): u32 {
  return 1 << 31 | pid << 8 | place;
}

export function proc_lookup(directory: Inode, name: usize, length: i32): Inode {
  const row = directory.row;
  if (row == IN_TREE) return find_in_tree(directory, name, length);
  const pid = directory.subject;
  const number = parse_number(name, length);
  if (row == DESCRIPTORS) return number < 0 ? no_inode(-ENOENT) : descriptor_link(directory, name, length, pid, number);
  if (row == THREADS) return is_thread(pid, number) ? task_directory(directory, name, length, THREAD, number) : no_inode(-ENOENT);
  return find_task_file(directory, name, length);
}

function find_in_tree(directory: Inode, name: usize, length: i32): Inode {
  const child = tree_child(directory, name, length);
  if (changetype<usize>(child)) return child;
  if (mount_at(directory.mount).root != directory) return no_inode(-ENOENT);
  if (spells(name, length, "self")) return self_link(directory, name, length);
  const pid = parse_number(name, length);
  return pid > 0 ? task_directory(directory, name, length, PROCESS, pid) : no_inode(-ENOENT);
}

/** A task directory's inode, made for whoever asks; not linked. */
function task_directory(parent: Inode, name: usize, length: i32, row: i32, pid: i32): Inode {
  const task = hold_task(pid);
  if (!changetype<usize>(task)) return no_inode(-ENOENT);
  const inode = made(parent, name, length, FILE_DIRECTORY, S_IFDIR | (row == DESCRIPTORS ? 0o500 : 0o555), task, row);
  put_task(task);
  return inode;
}

function made(parent: Inode, name: usize, length: i32, kind: i32, mode: i32, task: Task, row: i32): Inode {
  const inode = new_inode(parent, name, length, FS_PROC, kind, mode);
  if (!changetype<usize>(inode)) return no_inode(-ENOMEM);
  inode.subject = task.pid;
  inode.uid = task.leader.uid;
  inode.gid = task.leader.gid;
  inode.row = row;
  inode.number = number_of(task.pid, row);
  return inode;
}

function find_task_file(directory: Inode, name: usize, length: i32): Inode {
  const pid = directory.subject;
  for (let i = 0; i < NAMES.length && directory.row == PROCESS; i++) {
    if (!spells(name, length, unchecked(NAMES[i]))) continue;
    return i == CWD ? cwd_link(directory, name, length, pid) : task_directory(directory, name, length, unchecked(NAME_ROWS[i]), pid);
  }
  for (let i = 0; i < TASK_FILE_NAMES.length; i++) {
    if (!spells(name, length, unchecked(TASK_FILE_NAMES[i]))) continue;
    const task = hold_task(pid);
    if (!changetype<usize>(task)) break;
    const inode = made(directory, name, length, FILE_TEXT, S_IFREG | unchecked(TASK_FILE_MODES[i]), task, 0);
    put_task(task);
    if (<i32>changetype<usize>(inode) < 0) return inode;
    inode.show = task_file_show(i);
    inode.number = number_of(pid, FILES_PLACE + i);
    return inode;
  }
  return no_inode(-ENOENT);
}

/** A link that says the `length` bytes at `text`, which it takes over. */
function link_to(parent: Inode, name: usize, name_length: i32, text: usize, length: i32, number: u32): Inode {
  const inode = new_inode(parent, name, name_length, FS_PROC, FILE_LINK, S_IFLNK | 0o777);
  if (!changetype<usize>(inode)) {
    kfree(text);
    return no_inode(-ENOMEM);
  }
  inode.text = text;
  inode.size = length;
  inode.number = number;
  return inode;
}

function self_link(directory: Inode, name: usize, length: i32): Inode {
  const text = kmalloc(LINK_TEXT);
  if (!text) return no_inode(-ENOMEM);
  return link_to(directory, name, length, text, <i32>(put_number(text, process().pid) - text), number_of(0, 1));
}

function cwd_link(directory: Inode, name: usize, length: i32, pid: i32): Inode {
  const task = hold_task(pid);
  const text = kmalloc(LINK_TEXT);
  let end = text;
  if (changetype<usize>(task) && text) {
    const cwd = hold_directory(task);
    end = put_path(text, LINK_TEXT, cwd);
    put_inode(cwd);
  }
  if (changetype<usize>(task)) put_task(task);
  if (end > text) return link_to(directory, name, length, text, <i32>(end - text), number_of(pid, CWD + 8));
  kfree(text);
  return no_inode(-ENOENT);
}

function descriptor_link(directory: Inode, name: usize, length: i32, pid: i32, fd: i32): Inode {
  const task = hold_task(pid);
  if (!changetype<usize>(task)) return no_inode(-ENOENT);
  const file = hold_file(task, fd);
  put_task(task);
  if (!changetype<usize>(file)) return no_inode(-ENOENT);
  const text = kmalloc(LINK_TEXT);
  const end = text ? put_file_name(text, file) : text;
  put_file(file);
  if (end > text) return link_to(directory, name, length, text, <i32>(end - text), number_of(pid, DESCRIPTORS_PLACE + fd));
  kfree(text);
  return no_inode(-ENOENT);
}

/** The path that a file was opened by, or what else it is. */
function put_file_name(at: usize, file: File): usize {
  if (changetype<usize>(file.inode)) return put_path(at, LINK_TEXT, file.inode);
  at = put_text(at, file.kind == FILE_PIPE ? "pipe:[" : "terminal:[");
  return put_text(put_number(at, <u32>file.object), "]");
}

/** Whether task `tid` is a thread of the process that task `pid` belongs to. */
function is_thread(pid: i32, tid: i32): bool {
  if (tid <= 0) return false;
  spin_lock(tasklist());
  const one = find_task(pid);
  const other = find_task(tid);
  const same = changetype<usize>(one) != 0 && changetype<usize>(other) != 0 && one.leader == other.leader;
  spin_unlock(tasklist());
  return same;
}

export function proc_next(directory: Inode, cookie: u32, entry: Dirent): i32 {
  const row = directory.row;
  if (row == IN_TREE) return next_in_root(directory, cookie, entry);
  const pid = directory.subject;
  const place = <i32>cookie - 2;
  if (row == DESCRIPTORS) return next_descriptor(pid, place, entry);
  if (row == THREADS) return next_task(place, pid, true, 2, entry);
  const files = TASK_FILE_NAMES.length;
  const others = row == PROCESS ? NAMES.length : 0;
  if (place >= files + others) return 0;
  const name = place < files ? unchecked(TASK_FILE_NAMES[place]) : unchecked(NAMES[place - files]);
  const mode = place < files ? S_IFREG : place - files == CWD ? S_IFLNK : S_IFDIR;
  const number = place < files ? number_of(pid, FILES_PLACE + place) : number_of(pid, unchecked(NAME_ROWS[place - files]));
  fill_dirent(entry, cookie + 1, number, mode, dirent_name(entry), 0);
  entry.name_length = <i32>(put_text(dirent_name(entry), name) - dirent_name(entry));
  return 1;
}

function next_in_root(directory: Inode, cookie: u32, entry: Dirent): i32 {
  if (cookie < SELF_COOKIE && tree_next(directory, cookie, entry)) return 1;
  if (mount_at(directory.mount).root != directory) return 0;
  if (cookie < SELF_COOKIE) {
    fill_dirent(entry, SELF_COOKIE, number_of(0, 1), S_IFLNK, dirent_name(entry), 0);
    entry.name_length = <i32>(put_text(dirent_name(entry), "self") - dirent_name(entry));
    return 1;
  }
  return next_task(<i32>(cookie - SELF_COOKIE), 0, false, SELF_COOKIE, entry);
}

/** The first task behind pid `last`: a thread of `of_process`, or, if that is 0, a process. Its cookie is `base` and its pid. */
function next_task(last: i32, of_process: i32, threads: bool, base: u32, entry: Dirent): i32 {
  spin_lock(tasklist());
  const member = find_task(of_process);
  let found = 0;
  for (let pid = last + 1; pid < MAX_PIDS && !found; pid++) {
    const task = find_task(pid);
    if (changetype<usize>(task) && (threads ? changetype<usize>(member) && task.leader == member.leader : task.leader == task)) found = pid;
  }
  spin_unlock(tasklist());
  if (!found) return 0;
  put_numbered(entry, base + found, number_of(found, threads ? THREAD : PROCESS), S_IFDIR, found);
  return 1;
}

function next_descriptor(pid: i32, place: i32, entry: Dirent): i32 {
  const task = hold_task(pid);
  if (!changetype<usize>(task)) return 0;
  let fd = max(place, 0);
  while (fd < MAX_FILES && !load<u32>(file_slot(task, fd))) fd++;
  put_task(task);
  if (fd == MAX_FILES) return 0;
  put_numbered(entry, fd + 3, number_of(pid, DESCRIPTORS_PLACE + fd), S_IFLNK, fd);
  return 1;
}

@notrace function put_numbered(entry: Dirent, cookie: u32, number: u32, mode: i32, name: i32): void {
  fill_dirent(entry, cookie, number, mode, dirent_name(entry), 0);
  entry.name_length = <i32>(put_number(dirent_name(entry), name) - dirent_name(entry));
}
