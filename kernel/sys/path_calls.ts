/**
 * System calls on paths, and on what paths begin with and are judged by: directory, identity, umask.
 */
import {
  EFAULT, EINVAL, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EPERM, ERANGE, PATHS_FIRST, PATHS_FIRST_LENGTH, PATHS_SECOND, PATHS_SECOND_LENGTH, PATHS_SIZE,
  PATH_MAX, R_OK, S_IFMT, W_OK, X_OK,
} from "../abi";
import { hold_directory, install_file, set_directory } from "../fs/descriptors";
import { put_file } from "../fs/file";
import { Inode, failed, is_directory, is_error, is_link, no_inode, tree } from "../fs/inode";
import { put_inode } from "../fs/lifetime";
import { check_writable } from "../fs/mount";
import { make_directory, make_link, remove_name, rename_path } from "../fs/names";
import { open_path } from "../fs/open";
import { put_path } from "../fs/path";
import { check_owner, permission, process } from "../fs/permission";
import { resolve } from "../fs/walk";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { CACHE_PATH, KMALLOC_MAX, cache_alloc, kfree, kmalloc } from "../mm/slab";
import { copy_from_user, copy_to_user } from "../mm/uaccess";
import { current } from "../sched/task";
import { put_inode_stat } from "./file_calls";

/** A kernel copy of a user path, to be freed with kfree(), or a negative errno as its address. */
export function path_from_user(address: i32, length: i32): usize {
  if (length < 0) return <usize>-EINVAL;
  if (length == 0) return <usize>-ENOENT;
  if (length >= PATH_MAX) return <usize>-ENAMETOOLONG;
  const path = length <= KMALLOC_MAX ? kmalloc(length) : cache_alloc(CACHE_PATH);
  if (!path) return <usize>-ENOMEM;
  if (!copy_from_user(path, address, length)) return path;
  kfree(path);
  return <usize>-EFAULT;
}

/** The inode of a user path, with a reference, or a negative errno as its address. */
function inode_from_user(address: i32, length: i32, through: bool): Inode {
  const path = path_from_user(address, length);
  if (is_error(path)) return changetype<Inode>(path);
  const inode = resolve(path, length, through);
  kfree(path);
  return inode;
}

/** (path, length, flags) → descriptor */
export function sys_open(address: i32, length: i32, flags: i32): i32 {
  const path = path_from_user(address, length);
  if (is_error(path)) return <i32>path;
  const file = open_path(path, length, flags);
  kfree(path);
  if (is_error(changetype<usize>(file))) return <i32>changetype<usize>(file);
  const fd = install_file(current(), file);
  if (fd < 0) put_file(file);
  return fd;
}

/** (path, length, mode) → 0 */
export function sys_mkdir(address: i32, length: i32, mode: i32): i32 {
  const path = path_from_user(address, length);
  if (is_error(path)) return <i32>path;
  const result = make_directory(path, length, mode);
  kfree(path);
  return result;
}

@notrace function remove(address: i32, length: i32, directory: bool): i32 {
  const path = path_from_user(address, length);
  if (is_error(path)) return <i32>path;
  const result = remove_name(path, length, directory);
  kfree(path);
  return result;
}

/** (path, length) → 0 */
export function sys_unlink(address: i32, length: i32, c: i32): i32 {
  return remove(address, length, false);
}

/** (path, length) → 0 */
export function sys_rmdir(address: i32, length: i32, c: i32): i32 {
  return remove(address, length, true);
}

/** Two paths of the caller's in kernel memory, and their lengths, in the block that kernel memory `paths` becomes: 0 or -errno. */
@notrace function two_paths(paths: usize, block: i32): i32 {
  if (copy_from_user(paths, block, PATHS_SIZE)) return -EFAULT;
  const first = path_from_user(load<i32>(paths, PATHS_FIRST), load<i32>(paths, PATHS_FIRST_LENGTH));
  if (is_error(first)) return <i32>first;
  const second = path_from_user(load<i32>(paths, PATHS_SECOND), load<i32>(paths, PATHS_SECOND_LENGTH));
  if (is_error(second)) {
    kfree(first);
    return <i32>second;
  }
  store<u32>(paths, <u32>first, PATHS_FIRST);
  store<u32>(paths, <u32>second, PATHS_SECOND);
  return 0;
}

/** Frees what two_paths() gave. */
@notrace function free_paths(paths: usize): void {
  kfree(<usize>load<u32>(paths, PATHS_FIRST));
  kfree(<usize>load<u32>(paths, PATHS_SECOND));
}

@notrace function with_two_paths(block: i32, renames: bool): i32 {
  const paths = kmalloc(PATHS_SIZE);
  if (!paths) return -ENOMEM;
  let result = two_paths(paths, block);
  if (!result) {
    const first = <usize>load<u32>(paths, PATHS_FIRST);
    const second = <usize>load<u32>(paths, PATHS_SECOND);
    const length = load<i32>(paths, PATHS_FIRST_LENGTH);
    const second_length = load<i32>(paths, PATHS_SECOND_LENGTH);
    result = renames ? rename_path(first, length, second, second_length) : make_link(first, length, second, second_length);
    free_paths(paths);
  }
  kfree(paths);
  return result;
}

/** (PATHS_* block*) → 0 */
export function sys_rename(block: i32, b: i32, c: i32): i32 {
  return with_two_paths(block, true);
}

/** (PATHS_* block*) → 0 */
export function sys_symlink(block: i32, b: i32, c: i32): i32 {
  return with_two_paths(block, false);
}

/** (PATHS_* block*) → bytes of the link's text; as many as fit are copied */
export function sys_readlink(block: i32, b: i32, c: i32): i32 {
  const plan = kmalloc(PATHS_SIZE);
  if (!plan) return -ENOMEM;
  const error = copy_from_user(plan, block, PATHS_SIZE);
  const inode = error ? no_inode(error) : inode_from_user(load<i32>(plan, PATHS_FIRST), load<i32>(plan, PATHS_FIRST_LENGTH), false);
  let result = failed(inode) ? <i32>changetype<usize>(inode) : -EINVAL;
  if (!failed(inode)) {
    const room = load<i32>(plan, PATHS_SECOND_LENGTH);
    if (is_link(inode) && room > 0) {
      const bytes = min(inode.size, room);
      result = copy_to_user(load<i32>(plan, PATHS_SECOND), inode.text, bytes) ? -EFAULT : bytes;
    }
    put_inode(inode);
  }
  kfree(plan);
  return result;
}

@notrace function stat(inode: Inode, block: i32): i32 {
  if (failed(inode)) return <i32>changetype<usize>(inode);
  const result = put_inode_stat(inode, block);
  put_inode(inode);
  return result;
}

/** (path, length, STAT_* block*) → 0 */
export function sys_stat(address: i32, length: i32, block: i32): i32 {
  return stat(inode_from_user(address, length, true), block);
}

/** The same of a link itself. */
export function sys_lstat(address: i32, length: i32, block: i32): i32 {
  return stat(inode_from_user(address, length, false), block);
}

/** (path, length, R_OK | W_OK | X_OK) → 0 */
export function sys_access(address: i32, length: i32, mask: i32): i32 {
  if (mask & ~(R_OK | W_OK | X_OK)) return -EINVAL;
  const inode = inode_from_user(address, length, true);
  if (failed(inode)) return <i32>changetype<usize>(inode);
  let result = permission(inode, mask);
  if (!result && mask & W_OK) result = check_writable(inode);
  put_inode(inode);
  return result;
}

/** (path, length) → 0 */
export function sys_chdir(address: i32, length: i32, c: i32): i32 {
  const inode = inode_from_user(address, length, true);
  if (failed(inode)) return <i32>changetype<usize>(inode);
  const error = is_directory(inode) ? permission(inode, X_OK) : -ENOTDIR;
  if (error) put_inode(inode);
  else set_directory(current(), inode);
  return error;
}

/** (buffer, room) → bytes of the path; -ENOENT when the directory was removed */
export function sys_getcwd(buffer: i32, room: i32, c: i32): i32 {
  const path = cache_alloc(CACHE_PATH);
  if (!path) return -ENOMEM;
  const inode = hold_directory(current());
  const bytes = <i32>(put_path(path, PATH_MAX, inode) - path);
  const gone = is_removed(inode);
  put_inode(inode);
  const result = gone ? -ENOENT : !bytes ? -ENAMETOOLONG : bytes > room ? -ERANGE : copy_to_user(buffer, path, bytes) ? -EFAULT : bytes;
  kfree(path);
  return result;
}

/** Whether a directory has lost its name. Those that are made when asked never had one in the tree. */
@inline function is_removed(inode: Inode): bool {
  return !inode.linked && !inode.subject;
}

/** Changes mode or owner under the tree's lock: 0 or -errno. */
@notrace function change(inode: Inode, mode: i32, owner: i32, refused: i32): i32 {
  const error = refused ? refused : check_writable(inode);
  if (!error) {
    spin_lock(tree());
    if (mode >= 0) inode.mode = (inode.mode & S_IFMT) | (mode & 0o1777);
    else {
      inode.uid = owner & 0xffff;
      inode.gid = owner >>> 16;
    }
    spin_unlock(tree());
  }
  put_inode(inode);
  return error;
}

/** (path, length, mode) → 0 */
export function sys_chmod(address: i32, length: i32, mode: i32): i32 {
  const inode = inode_from_user(address, length, true);
  return failed(inode) ? <i32>changetype<usize>(inode) : change(inode, mode & 0o7777, 0, check_owner(inode));
}

/** (path, length, uid | gid << 16) → 0; root's only */
export function sys_chown(address: i32, length: i32, owner: i32): i32 {
  const inode = inode_from_user(address, length, true);
  return failed(inode) ? <i32>changetype<usize>(inode) : change(inode, -1, owner, process().uid ? -EPERM : 0);
}

/** (mask) → the one before */
export function sys_umask(mask: i32, b: i32, c: i32): i32 {
  const before = process().umask;
  process().umask = mask & 0o777;
  return before;
}

/** () → uid */
export function sys_getuid(a: i32, b: i32, c: i32): i32 {
  return process().uid;
}

/** () → gid */
export function sys_getgid(a: i32, b: i32, c: i32): i32 {
  return process().gid;
}

/** (uid) → 0; root may become anybody, others only who they are */
export function sys_setuid(uid: i32, b: i32, c: i32): i32 {
  if (uid < 0 || uid > MAX_ID) return -EINVAL;
  if (process().uid && process().uid != uid) return -EPERM;
  process().uid = uid;
  return 0;
}

/** (gid) → 0; the same */
export function sys_setgid(gid: i32, b: i32, c: i32): i32 {
  if (gid < 0 || gid > MAX_ID) return -EINVAL;
  if (process().uid && process().gid != gid) return -EPERM;
  process().gid = gid;
  return 0;
}
const MAX_ID = 0xffff;
