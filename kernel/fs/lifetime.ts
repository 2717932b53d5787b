/**
 * How inodes come and go: made with a name below a directory, linked, unlinked, freed with the last reference.
 */
import { EEXIST, ENOENT, ENOMEM } from "../abi";
import { clock_ns } from "../cpu/clock";
import { literal_length, put_text } from "../lib/text";
import { spin_lock, spin_lock_init, spin_unlock } from "../lock/spinlock";
import { kfree, kmalloc, kzalloc } from "../mm/slab";
import { FS_RAM, INODE_SIZE, Inode, count_objects, find_child, get_inode, hang, is_directory, next_number, no_inode, tree, unhang } from "./inode";
import { free_contents } from "./ramfs";

/** Slab objects of an inode: record and name, and a link's text. */
@notrace function objects_of(inode: Inode): i32 {
  return inode.text ? 3 : 2;
}

/** An inode below `parent`, not linked, with one reference and a name of its own; null when memory is out. */
export function new_inode(parent: Inode, name: usize, length: i32, fs: i32, kind: i32, mode: i32): Inode {
  const inode = changetype<Inode>(kzalloc(INODE_SIZE));
  const copy = kmalloc(length);
  if (!changetype<usize>(inode) || !copy) {
    kfree(changetype<usize>(inode));
    kfree(copy);
    return changetype<Inode>(0);
  }
  spin_lock_init(inode, "inode");
  memory.copy(copy, name, length);
  inode.name = copy;
  inode.name_length = length;
  inode.references = 1;
  inode.number = next_number();
  inode.fs = fs;
  inode.kind = kind;
  inode.mode = mode;
  inode.mount = parent.mount;
  inode.modified = <i32>(clock_ns() / 1000000000);
  inode.parent = get_inode(parent);
  return inode;
}

/** Links an inode that new_inode() made; 0, -EEXIST, or -ENOENT when the directory was removed meanwhile. */
export function link_inode(inode: Inode): i32 {
  spin_lock(tree());
  const parent = inode.parent;
  const gone = !parent.linked;
  const taken = changetype<usize>(find_child(parent, inode.name, inode.name_length)) != 0;
  if (!gone && !taken) {
    get_inode(inode);
    hang(inode);
    count_objects(objects_of(inode));
  }
  spin_unlock(tree());
  return gone ? -ENOENT : taken ? -EEXIST : 0;
}

/** Takes `inode` out of the tree; the tree is locked. The caller puts the tree's reference when it has unlocked it. */
@notrace export function unlink_inode(inode: Inode): void {
  unhang(inode);
  count_objects(-objects_of(inode));
}

/** Drops a reference; the last one frees the inode with what it holds, then its hold of its parent. */
export function put_inode(inode: Inode): void {
  while (atomic.sub<i32>(changetype<usize>(inode), 1, offsetof<Inode>("references")) == 1) {
    const parent = inode.parent;
    free_contents(inode);
    kfree(inode.text);
    kfree(inode.name);
    kfree(changetype<usize>(inode));
    inode = parent;
  }
}

/** A linked inode of the kernel's own with a literal name, the tree's reference only; or a negative errno as its address. */
export function make_inode(parent: Inode, name: string, fs: i32, kind: i32, mode: i32): Inode {
  const bytes = kmalloc(literal_length(name));
  if (!bytes) return no_inode(-ENOMEM);
  put_text(bytes, name);
  const inode = make_named(parent, bytes, literal_length(name), fs, kind, mode);
  kfree(bytes);
  return inode;
}

/** The same with a name in memory. */
export function make_named(parent: Inode, name: usize, length: i32, fs: i32, kind: i32, mode: i32): Inode {
  const inode = new_inode(parent, name, length, fs, kind, mode);
  if (!changetype<usize>(inode)) return no_inode(-ENOMEM);
  const error = link_inode(inode);
  put_inode(inode);
  return error ? no_inode(error) : inode;
}

/** Takes `inode`, and all below it, out of the tree. Who has one of them open keeps it, and finds it removed. */
export function remove_tree(inode: Inode): void {
  while (changetype<usize>(inode.first)) remove_tree(inode.first);
  spin_lock(tree());
  unlink_inode(inode);
  spin_unlock(tree());
  put_inode(inode);
}

/** References to linked inodes beyond those that tree and children have: open files, working directories, leaks. */
export function loose_references(inode: Inode): i32 {
  let loose = inode.references - inode.linked;
  for (let child = inode.first; changetype<usize>(child); child = child.sibling) {
    loose += loose_references(child) - 1;
  }
  if (changetype<usize>(inode.mounted)) loose += loose_references(inode.mounted);
  return loose;
}

/** Links of a directory as stat() counts them. */
export function link_count(inode: Inode): i32 {
  if (!is_directory(inode)) return inode.fs == FS_RAM ? inode.linked : 1; // others may be made when they are asked for
  let links = 2;
  spin_lock(tree());
  for (let child = inode.first; changetype<usize>(child); child = child.sibling) if (is_directory(child)) links++;
  spin_unlock(tree());
  return links;
}
