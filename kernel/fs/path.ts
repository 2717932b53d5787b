/**
 * From an inode to its path.
 */
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { Inode, tree } from "./inode";

const SLASH: u8 = 47;

/** Bytes of the path; the tree is locked. */
@notrace function length_of(inode: Inode): i32 {
  let length = 0;
  for (; inode != inode.parent; inode = inode.parent) length += inode.name_length + 1;
  return length ? length : 1;
}

/** Writes the path of `inode` at `at`; gives its end, or `at` when it takes more than `room` bytes. */
export function put_path(at: usize, room: i32, inode: Inode): usize {
  spin_lock(tree());
  const length = length_of(inode);
  if (length <= room) {
    let end = at + length;
    if (inode == inode.parent) store<u8>(at, SLASH);
    for (; inode != inode.parent; inode = inode.parent) {
      end -= inode.name_length;
      memory.copy(end, inode.name, inode.name_length);
      store<u8>(--end, SLASH);
    }
  }
  spin_unlock(tree());
  return length <= room ? at + length : at;
}
