/**
 * The in-memory file system: directories of names, files of pages.
 *
 *   inode (file) ──► index page ──► data pages          at most 1024 pages, 4 MiB
 *   inode (dir)  ──► entry ──► entry ──► …
 *
 * One lock guards the tree, another kind, one per inode, guards a file's size, index and bytes. An unlinked file lives
 * until the last file record lets go.
 */
import {
  COUNTER_FILE_BYTES, EFAULT, EFBIG, EISDIR, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, O_APPEND, O_CREAT, O_TRUNC,
} from "../abi";
import { count } from "../cpu/percpu";
import { PAGE_SIZE, RAMFS, RAMFS_SIZE } from "../layout";
import { panic } from "../lib/printk";
import { SpinLock, spin_lock, spin_lock_init, spin_unlock } from "../lock/spinlock";
import { alloc_pages, free_pages, get_page, put_page } from "../mm/page";
import { kfree, kmalloc, kzalloc } from "../mm/slab";
import { copy_from_user, copy_to_user, user_range } from "../mm/uaccess";
import { File } from "./handle";

export const NAME_MAX = 60;
const MAX_PAGES = PAGE_SIZE / 4;

/** The lock guards `size`, `index` and the bytes; `references`, `links` and the entries belong to the tree's lock. */
@unmanaged
export class Inode extends SpinLock {
  directory: i32;
  size: i32;
  /** Page of page addresses, or 0. */
  index: usize;
  /** First entry of a directory. */
  entries: Entry;
  references: i32;
  links: i32;
}

@unmanaged
class Entry {
  next: Entry;
  inode: Inode;
  length: i32;
}
const ENTRY_NAME = <i32>offsetof<Entry>();

/** The lock guards the tree: entries, links and references. */
@unmanaged
class Tree extends SpinLock {
  root: Inode;
  /** Pages of data and index, inodes and entries: what files hold by right. Atomic. */
  pages: i32;
  objects: i32;
}
if (<i32>offsetof<Tree>() > RAMFS_SIZE) ERROR("Tree no longer fits layout.ts");

@inline function tree(): Tree {
  return changetype<Tree>(<usize>RAMFS);
}

@inline function count_pages(change: i32): void {
  atomic.add<i32>(RAMFS, change, offsetof<Tree>("pages"));
}
@inline function count_objects(change: i32): void {
  atomic.add<i32>(RAMFS, change, offsetof<Tree>("objects"));
}

/** Pages, and slab objects, that files and directories hold. */
export function ramfs_pages(): i32 {
  return atomic.load<i32>(RAMFS, offsetof<Tree>("pages"));
}
export function ramfs_objects(): i32 {
  return atomic.load<i32>(RAMFS, offsetof<Tree>("objects"));
}

export function ramfs_init(): void {
  spin_lock_init(tree(), "ramfs tree");
  const root = alloc_inode(true);
  const tmp = alloc_inode(true);
  if (!changetype<usize>(root) || !changetype<usize>(tmp)) panic("no memory for the root directory");
  tree().root = root;
  const name = kmalloc(4);
  store<u32>(name, 0x00706d74); // "tmp"
  add_entry(root, tmp, name, 3);
  kfree(name);
}

function alloc_inode(directory: bool): Inode {
  const inode = changetype<Inode>(kzalloc(<i32>offsetof<Inode>()));
  if (!changetype<usize>(inode)) return inode;
  spin_lock_init(inode, "inode");
  inode.directory = directory ? 1 : 0;
  count_objects(1);
  return inode;
}

@notrace function free_inode(inode: Inode): void {
  truncate(inode);
  count_objects(-1);
  kfree(changetype<usize>(inode));
}

/** Frees a file's pages; nobody else can reach it, or its lock is held. */
@notrace function truncate(inode: Inode): void {
  inode.size = 0;
  if (!inode.index) return;
  for (let i = 0; i < MAX_PAGES; i++) {
    const page = <usize>load<u32>(inode.index + (<usize>i << 2));
    if (!page) continue;
    put_page(page); // a pipe may hold it still
    count_pages(-1);
  }
  free_pages(inode.index, 0);
  count_pages(-1);
  inode.index = 0;
}

@notrace function find_entry(directory: Inode, name: usize, length: i32): Entry {
  let entry = directory.entries;
  for (; changetype<usize>(entry); entry = entry.next) {
    if (entry.length == length && memory.compare(changetype<usize>(entry) + ENTRY_NAME, name, length) == 0) break;
  }
  return entry;
}

/** Puts `inode` into `directory`; the tree is locked, or nobody else runs yet. */
@notrace function add_entry(directory: Inode, inode: Inode, name: usize, length: i32): bool {
  const entry = changetype<Entry>(kmalloc(ENTRY_NAME + length));
  if (!changetype<usize>(entry)) return false;
  entry.inode = inode;
  entry.length = length;
  memory.copy(changetype<usize>(entry) + ENTRY_NAME, name, length);
  entry.next = directory.entries;
  directory.entries = entry;
  inode.links += 1;
  count_objects(1);
  return true;
}

@notrace function next_slash(at: usize, end: usize): usize {
  while (at < end && load<u8>(at) != 47) at++;
  return at;
}

/**
 * Walks an absolute path to the directory of its last part. Gives the directory, or a negative errno as its address;
 * the last part is what last_part() gives. The tree is locked.
 */
@notrace function walk(path: usize, length: i32): Inode {
  const end = path + length;
  let directory = tree().root;
  let at = path + 1;
  while (true) {
    const stop = next_slash(at, end);
    if (stop == end) return directory;
    const entry = find_entry(directory, at, <i32>(stop - at));
    if (!changetype<usize>(entry)) return changetype<Inode>(<usize>-ENOENT);
    if (!entry.inode.directory) return changetype<Inode>(<usize>-ENOTDIR);
    directory = entry.inode;
    at = stop + 1;
  }
}

@notrace function last_part(path: usize, length: i32): usize {
  let at = path + length;
  while (at > path && load<u8>(at - 1) != 47) at--;
  return at;
}

@inline function failed(inode: Inode): bool {
  return <i32>changetype<usize>(inode) < 0;
}

/** The inode of an absolute path, with a reference, created if `flags` say so; a negative errno as its address. */
export function ram_open(path: usize, length: i32, flags: i32): Inode {
  const name = last_part(path, length);
  const name_length = <i32>(path + length - name);
  if (name_length > NAME_MAX) return changetype<Inode>(<usize>-ENAMETOOLONG);
  spin_lock(tree());
  const inode = name_length ? open_in(walk(path, length), name, name_length, flags) : changetype<Inode>(<usize>-EISDIR);
  if (!failed(inode)) inode.references += 1;
  spin_unlock(tree());
  if (!failed(inode) && flags & O_TRUNC) {
    spin_lock(inode);
    truncate(inode);
    spin_unlock(inode);
  }
  return inode;
}

@notrace function open_in(directory: Inode, name: usize, length: i32, flags: i32): Inode {
  if (failed(directory)) return directory;
  const entry = find_entry(directory, name, length);
  if (changetype<usize>(entry)) return entry.inode.directory ? changetype<Inode>(<usize>-EISDIR) : entry.inode;
  if (!(flags & O_CREAT)) return changetype<Inode>(<usize>-ENOENT);
  const inode = alloc_inode(false);
  if (!changetype<usize>(inode)) return changetype<Inode>(<usize>-ENOMEM);
  if (add_entry(directory, inode, name, length)) return inode;
  free_inode(inode);
  return changetype<Inode>(<usize>-ENOMEM);
}

/** Removes a file's name; 0 or -errno. */
export function ram_unlink(path: usize, length: i32): i32 {
  const name = last_part(path, length);
  const name_length = <i32>(path + length - name);
  spin_lock(tree());
  const directory = walk(path, length);
  let result = failed(directory) ? <i32>changetype<usize>(directory) : 0;
  let gone = changetype<Inode>(0);
  if (!result) {
    const entry = find_entry(directory, name, name_length);
    if (!changetype<usize>(entry)) result = -ENOENT;
    else if (entry.inode.directory) result = -EISDIR;
    else {
      remove_entry(directory, entry);
      entry.inode.links -= 1;
      if (entry.inode.links == 0 && entry.inode.references == 0) gone = entry.inode;
      count_objects(-1);
      kfree(changetype<usize>(entry));
    }
  }
  spin_unlock(tree());
  if (changetype<usize>(gone)) free_inode(gone);
  return result;
}

@notrace function remove_entry(directory: Inode, entry: Entry): void {
  if (directory.entries == entry) {
    directory.entries = entry.next;
    return;
  }
  let before = directory.entries;
  while (before.next != entry) before = before.next;
  before.next = entry.next;
}

export function ram_release(file: File): void {
  drop_inode(changetype<Inode>(file.object));
}

/** Drops a reference; an inode without name and reference is freed. */
export function drop_inode(inode: Inode): void {
  spin_lock(tree());
  inode.references -= 1;
  const gone = inode.references == 0 && inode.links == 0;
  spin_unlock(tree());
  if (gone) free_inode(inode);
}

/** Address of page `index` of a file, taken from the allocator if `create`; 0 for a hole or when memory is out. */
@notrace function data_page(inode: Inode, index: i32, create: bool): usize {
  if (!inode.index) {
    if (!create) return 0;
    inode.index = alloc_pages(0);
    if (!inode.index) return 0;
    memory.fill(inode.index, 0, PAGE_SIZE);
    count_pages(1);
  }
  const slot = inode.index + (<usize>index << 2);
  if (!load<u32>(slot) && create) {
    const page = alloc_pages(0);
    if (page) {
      memory.fill(page, 0, PAGE_SIZE);
      count_pages(1);
    }
    store<u32>(slot, <u32>page);
  }
  return <usize>load<u32>(slot);
}

/** The page with byte `position` of a file, with a reference for the caller, or 0 behind its end and in holes. */
export function borrow_page(inode: Inode, position: i32): usize {
  spin_lock(inode);
  const page = position < inode.size ? data_page(inode, position / PAGE_SIZE, false) : 0;
  if (page) get_page(page);
  spin_unlock(inode);
  return page;
}

export function ram_read(file: File, to: usize, length: i32): i32 {
  const inode = changetype<Inode>(file.object);
  if (!user_range(to, length)) return -EFAULT;
  let done = 0;
  while (done < length) {
    spin_lock(inode);
    const offset = file.position & (PAGE_SIZE - 1);
    const part = min(min(length - done, PAGE_SIZE - offset), inode.size - file.position);
    if (part > 0) {
      const page = data_page(inode, file.position / PAGE_SIZE, false);
      if (page) copy_to_user(to + done, page + offset, part);
      else memory.fill(user_range(to + done, part), 0, part);
      file.position += part;
      done += part;
    }
    spin_unlock(inode);
    if (part <= 0) break;
  }
  count(COUNTER_FILE_BYTES, done);
  return done;
}

export function ram_write(file: File, from: usize, length: i32): i32 {
  const inode = changetype<Inode>(file.object);
  if (!user_range(from, length)) return -EFAULT;
  let done = 0;
  let error = 0;
  while (done < length && !error) {
    spin_lock(inode);
    if (file.flags & O_APPEND) file.position = inode.size;
    const offset = file.position & (PAGE_SIZE - 1);
    const part = min(length - done, PAGE_SIZE - offset);
    if (file.position / PAGE_SIZE >= MAX_PAGES) error = -EFBIG;
    else {
      const page = data_page(inode, file.position / PAGE_SIZE, true);
      if (page) {
        copy_from_user(page + offset, from + done, part);
        file.position += part;
        done += part;
        inode.size = max(inode.size, file.position);
      } else error = -ENOMEM;
    }
    spin_unlock(inode);
  }
  count(COUNTER_FILE_BYTES, done);
  return done ? done : error;
}
