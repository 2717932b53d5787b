/**
 * Inodes: everything that has a path, with its one name and its place in the tree.
 *
 *   parent ◄── inode ──► name        a directory's children hang below it, in order of their numbers
 *
 * There are no hard links, so nothing stands between a directory and its inodes. A linked inode is held by the tree;
 * each inode holds its parent, so that `..` and getcwd() work as long as anybody has it. Inodes of file systems that
 * make them when asked (processes, the host's files) are never linked.
 */
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../abi";
import { VFS, VFS_SIZE } from "../layout";
import { SpinLock, spin_lock, spin_unlock } from "../lock/spinlock";

/** The lock guards `size`, `index` and the bytes of a ram file. Mode, owner and the tree's fields belong to the tree's lock. */
@unmanaged
export class Inode extends SpinLock {
  /** The tree (if linked), children, open files, working directories and walks under way. Atomic. */
  references: i32;
  number: u32;
  /** S_* */
  mode: i32;
  uid: i32;
  gid: i32;
  /** Row of the tables in filesystems.ts: who knows a directory's entries. */
  fs: i32;
  /** FILE_*: what opening it gives. */
  kind: i32;
  /** Row of the mount table. */
  mount: i32;
  /** Bytes of a ram file, or of a link's text. */
  size: i32;
  /** Page of page addresses of a ram file, or 0. */
  index: usize;
  /** A link's text, from kmalloc(), or 0. */
  text: usize;
  /** What it is about: pid, patch, CPU, row of a program. */
  subject: i32;
  /** Table indexes of an attribute's functions, or 0; see attributes.ts. */
  show: i32;
  store: i32;
  /** Table index of what opening it to be written anew does, or 0. */
  clear: i32;
  /** Order of the block that its text needs. */
  order: i32;
  /** Which of its file system's directories it is. */
  row: i32;
  /** Seconds since boot. */
  modified: i32;
  /** Itself for the root. */
  parent: Inode;
  first: Inode;
  sibling: Inode;
  name: usize;
  name_length: i32;
  /** Root of what is mounted here, or null. */
  mounted: Inode;
  linked: i32;
}
export const INODE_SIZE = <i32>offsetof<Inode>();

/** File systems: rows of the tables in filesystems.ts. */
export const FS_RAM = 0;
export const FS_DEV = 1;
export const FS_PROC = 2;
export const FS_SYS = 3;
export const FS_TRACE = 4;
export const FS_HOST = 5;

/** The lock guards the tree: parents, children, names, modes, owners. */
@unmanaged
export class Tree extends SpinLock {
  root: Inode;
  /** Number of the last inode; atomic. */
  numbers: u32;
  /** Pages of ram files, and slab objects of linked inodes: what files hold by right. Atomic. */
  pages: i32;
  objects: i32;
  /** Open file records; atomic. */
  files: i32;
  /** State of the random numbers of /dev/random. */
  random: u32;
}
if (<i32>offsetof<Tree>() > VFS_SIZE) ERROR("Tree no longer fits layout.ts");

@inline export function tree(): Tree {
  return changetype<Tree>(<usize>VFS);
}
@inline export function count_pages(change: i32): i32 {
  return atomic.add<i32>(VFS, change, offsetof<Tree>("pages")) + change;
}
@inline export function count_objects(change: i32): void {
  atomic.add<i32>(VFS, change, offsetof<Tree>("objects"));
}
@inline export function next_number(): u32 {
  return atomic.add<u32>(VFS, 1, offsetof<Tree>("numbers")) + 1;
}

@inline export function is_error(value: usize): bool {
  return <i32>value < 0 && <i32>value > -4096;
}
@inline export function failed(inode: Inode): bool {
  return is_error(changetype<usize>(inode));
}
/** A negative errno where an inode is expected. */
@inline export function no_inode(error: i32): Inode {
  return changetype<Inode>(<usize>error);
}

@inline export function is_directory(inode: Inode): bool {
  return (inode.mode & S_IFMT) == S_IFDIR;
}
@inline export function is_regular(inode: Inode): bool {
  return (inode.mode & S_IFMT) == S_IFREG;
}
@inline export function is_link(inode: Inode): bool {
  return (inode.mode & S_IFMT) == S_IFLNK;
}

export function get_inode(inode: Inode): Inode {
  atomic.add<i32>(changetype<usize>(inode), 1, offsetof<Inode>("references"));
  return inode;
}

/** The linked child of that name, or null; the tree is locked. */
@notrace export function find_child(directory: Inode, name: usize, length: i32): Inode {
  let child = directory.first;
  for (; changetype<usize>(child); child = child.sibling) {
    if (child.name_length == length && memory.compare(child.name, name, length) == 0) break;
  }
  return child;
}

/** Hangs `inode` below its parent; the tree is locked. The tree's own reference is the caller's to take. */
@notrace export function hang(inode: Inode): void {
  const parent = inode.parent;
  inode.linked = 1;
  if (!changetype<usize>(parent.first) || parent.first.number > inode.number) {
    inode.sibling = parent.first;
    parent.first = inode;
    return;
  }
  let before = parent.first;
  while (changetype<usize>(before.sibling) && before.sibling.number < inode.number) before = before.sibling;
  inode.sibling = before.sibling;
  before.sibling = inode;
}

/** Takes a linked inode out of its parent's children; the tree is locked. The tree's reference is the caller's now. */
@notrace export function unhang(inode: Inode): void {
  const parent = inode.parent;
  inode.linked = 0;
  if (parent.first == inode) parent.first = inode.sibling;
  else {
    let before = parent.first;
    while (before.sibling != inode) before = before.sibling;
    before.sibling = inode.sibling;
  }
  inode.sibling = changetype<Inode>(0);
}

/** The linked child of that name with a reference, or null: how file systems that live in the tree look names up. */
export function tree_child(directory: Inode, name: usize, length: i32): Inode {
  spin_lock(tree());
  const child = find_child(directory, name, length);
  if (changetype<usize>(child)) get_inode(child);
  spin_unlock(tree());
  return child;
}

/** Pages and slab objects that files and directories hold. */
export function vfs_pages(): i32 {
  return atomic.load<i32>(VFS, offsetof<Tree>("pages"));
}
export function vfs_objects(): i32 {
  return atomic.load<i32>(VFS, offsetof<Tree>("objects"));
}
