/**
 * Who may do what: owner, group and others as in the mode, and root, who may all but run what nobody may.
 */
import { EACCES, EPERM, S_ISVTX, X_OK } from "../abi";
import { Task, current } from "../sched/task";
import { Inode, is_directory } from "./inode";

const ANYBODY_RUNS = 0o111;

/** The first thread of the calling task's process, which has its identity and its directory. */
@inline export function process(): Task {
  return current().leader;
}

/** 0 when the caller may do all of `mask` (R_OK | W_OK | X_OK) with `inode`, else -EACCES. */
export function permission(inode: Inode, mask: i32): i32 {
  const uid = process().uid;
  if (uid == 0) return mask & X_OK && !is_directory(inode) && !(inode.mode & ANYBODY_RUNS) ? -EACCES : 0;
  const bits = uid == inode.uid ? inode.mode >> 6 : process().gid == inode.gid ? inode.mode >> 3 : inode.mode;
  return (bits & mask) == mask ? 0 : -EACCES;
}

/** 0 when the caller may remove or rename `inode`, whose directory it may write to; -EPERM for others' in a sticky one. */
export function may_remove(inode: Inode): i32 {
  const uid = process().uid;
  const sticky = (inode.parent.mode & S_ISVTX) != 0;
  return sticky && uid && uid != inode.uid && uid != inode.parent.uid ? -EPERM : 0;
}

/** 0 when the caller owns `inode` or is root, else -EPERM. */
export function check_owner(inode: Inode): i32 {
  const uid = process().uid;
  return uid && uid != inode.uid ? -EPERM : 0;
}
