/**
 * One entry of a directory on its way to getdents(), and the entries of directories that live in the tree.
 *
 * A cookie says where a listing goes on: 0 is before `.`, 1 before `..`, 2 before the first entry of a file system's
 * own. Directories in the tree use the number of the last inode listed, so that removing names while listing skips none.
 */
import { NAME_MAX } from "../abi";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { Inode, tree } from "./inode";

@unmanaged
export class Dirent {
  /** Of this entry: where to go on behind it. */
  cookie: u32;
  number: u32;
  mode: i32;
  name_length: i32;
}
const DIRENT_FIXED = <i32>offsetof<Dirent>();
export const DIRENT_ROOM = DIRENT_FIXED + NAME_MAX;
/** Cookies of `.` and `..`. */
export const COOKIE_DOT: u32 = 1;
export const COOKIE_DOT_DOT: u32 = 2;

@inline export function dirent_name(entry: Dirent): usize {
  return changetype<usize>(entry) + DIRENT_FIXED;
}

@notrace export function fill_dirent(entry: Dirent, cookie: u32, number: u32, mode: i32, name: usize, length: i32): void {
  entry.cookie = cookie;
  entry.number = number;
  entry.mode = mode;
  entry.name_length = length;
  memory.copy(dirent_name(entry), name, length);
}

/** The next linked child behind `cookie`: 1, or 0 at the end. */
export function tree_next(directory: Inode, cookie: u32, entry: Dirent): i32 {
  spin_lock(tree());
  let child = directory.first;
  while (changetype<usize>(child) && child.number <= cookie) child = child.sibling;
  const found = changetype<usize>(child) != 0;
  if (found) fill_dirent(entry, child.number, child.number, child.mode, child.name, child.name_length);
  spin_unlock(tree());
  return found ? 1 : 0;
}
