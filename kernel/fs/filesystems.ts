/**
 * What each kind of file system can do: how it looks a name up, how it lists, what making a file in it gives.
 *
 * A new one is a number in inode.ts, a row in each table, a mount at boot, and a test.
 */
import { EACCES, ENOENT, EPERM, EROFS } from "../abi";
import { Dirent, tree_next } from "./dirent";
import { host_lookup, host_next } from "./hostfs";
import { Inode, no_inode, tree_child } from "./inode";
import { proc_lookup, proc_next } from "./proc_tree";

type Lookup = (directory: Inode, name: usize, length: i32) => Inode;
type Next = (directory: Inode, cookie: u32, entry: Dirent) => i32;

const LOOKUP: StaticArray<Lookup> = [tree_lookup, tree_lookup, proc_lookup, tree_lookup, tree_lookup, host_lookup];
const NEXT: StaticArray<Next> = [tree_next, tree_next, proc_next, tree_next, tree_next, host_next];
/** What open(O_CREAT), and mkdir(), are refused with where only the kernel makes names; 0 where anybody may. */
const CREATE: StaticArray<i32> = [0, 0, -ENOENT, -EACCES, -EACCES, -EROFS];
const MAKE: StaticArray<i32> = [0, 0, -ENOENT, -EPERM, -EPERM, -EROFS];

function tree_lookup(directory: Inode, name: usize, length: i32): Inode {
  const child = tree_child(directory, name, length);
  return changetype<usize>(child) ? child : no_inode(-ENOENT);
}

/** The inode of a name in `directory` with a reference, or a negative errno as its address. */
@sleeps export function lookup(directory: Inode, name: usize, length: i32): Inode {
  return unchecked(LOOKUP[directory.fs])(directory, name, length);
}

/** The entry behind `cookie`: 1, 0 at the end, or -errno. */
@sleeps export function next_entry(directory: Inode, cookie: u32, entry: Dirent): i32 {
  return unchecked(NEXT[directory.fs])(directory, cookie, entry);
}

/** 0, or why users make no files, and why they make, remove and rename no other names. */
@inline export function refuses_create(directory: Inode): i32 {
  return unchecked(CREATE[directory.fs]);
}
@inline export function refuses_names(directory: Inode): i32 {
  return unchecked(MAKE[directory.fs]);
}
