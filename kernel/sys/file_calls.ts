/**
 * System calls on open files: each holds its file while it works, for another thread may close the descriptor.
 */
import {
  EBADF, EFAULT, EINVAL, EMFILE, ENFILE, ENOMEM, ENOTDIR, ENOTTY, O_ACCMODE, O_RDONLY, O_WRONLY, S_IFCHR, S_IFIFO, STAT_BYTES, STAT_GID, STAT_INODE, STAT_LINKS,
  STAT_MODE, STAT_MOUNT, STAT_MTIME, STAT_SIZE, STAT_UID,
} from "../abi";
import { close_file, duplicate_file, hold_file, install_file } from "../fs/descriptors";
import { alloc_file, open_file_count, put_file, vfs_read, vfs_seek, vfs_write } from "../fs/file";
import { list_directory } from "../fs/getdents";
import { FILE_DIRECTORY, FILE_PIPE, FILE_RAM, FILE_TTY, File } from "../fs/handle";
import { Inode } from "../fs/inode";
import { link_count } from "../fs/lifetime";
import { alloc_pipe } from "../fs/pipe";
import { ram_resize } from "../fs/ramfs";
import { splice_to_pipe } from "../fs/splice";
import { tty_ioctl } from "../fs/tty";
import { SYSCTLS, SYSCTL_FILE_MAX } from "../layout";
import { kfree } from "../mm/slab";
import { user_range } from "../mm/uaccess";
import { current } from "../sched/task";

/** (fd, buffer, length) → bytes */
export function sys_read(fd: i32, buffer: i32, length: i32): i32 {
  const file = hold_file(current(), fd);
  if (!changetype<usize>(file)) return -EBADF;
  const result = length < 0 ? -EINVAL : vfs_read(file, buffer, length);
  put_file(file);
  return result;
}

/** (fd, buffer, length) → bytes */
export function sys_write(fd: i32, buffer: i32, length: i32): i32 {
  const file = hold_file(current(), fd);
  if (!changetype<usize>(file)) return -EBADF;
  const result = length < 0 ? -EINVAL : vfs_write(file, buffer, length);
  put_file(file);
  return result;
}

/** (file, pipe, length) → bytes */
export function sys_splice(from: i32, to: i32, length: i32): i32 {
  const file = hold_file(current(), from);
  const pipe = hold_file(current(), to);
  let result = changetype<usize>(file) && changetype<usize>(pipe) ? check_splice(file, pipe, length) : -EBADF;
  if (!result) result = splice_to_pipe(file, pipe, length);
  if (changetype<usize>(pipe)) put_file(pipe);
  if (changetype<usize>(file)) put_file(file);
  return result;
}

@notrace function check_splice(file: File, pipe: File, length: i32): i32 {
  if (file.kind != FILE_RAM || pipe.kind != FILE_PIPE || length < 0) return -EINVAL;
  return file.flags & O_WRONLY || !(pipe.flags & O_WRONLY) ? -EBADF : 0;
}

/** (fd, request, value) → value or 0; terminals only */
export function sys_ioctl(fd: i32, request: i32, value: i32): i32 {
  const file = hold_file(current(), fd);
  if (!changetype<usize>(file)) return -EBADF;
  const result = file.kind == FILE_TTY ? tty_ioctl(file, request, value) : -ENOTTY;
  put_file(file);
  return result;
}

/** (fd) → 0 */
export function sys_close(fd: i32, b: i32, c: i32): i32 {
  return close_file(current(), fd);
}

/** (fds*) → 0; writes the descriptors to read from and to write to */
export function sys_pipe(fds: i32, b: i32, c: i32): i32 {
  if (!user_range(fds, 8)) return -EFAULT;
  if (open_file_count() + 1 >= load<i32>(SYSCTLS, SYSCTL_FILE_MAX)) return -ENFILE;
  const pipe = alloc_pipe();
  if (!changetype<usize>(pipe)) return -ENOMEM;
  const reader = alloc_file(FILE_PIPE, O_RDONLY, changetype<usize>(pipe));
  const writer = alloc_file(FILE_PIPE, O_WRONLY, changetype<usize>(pipe));
  if (!changetype<usize>(reader) || !changetype<usize>(writer)) {
    pipe.readers = changetype<usize>(reader) ? 1 : 0;
    pipe.writers = changetype<usize>(writer) ? 1 : 0;
    if (changetype<usize>(reader)) put_file(reader);
    else if (changetype<usize>(writer)) put_file(writer);
    else kfree(changetype<usize>(pipe));
    return -ENOMEM;
  }
  const task = current();
  const in_fd = install_file(task, reader);
  const out_fd = in_fd < 0 ? in_fd : install_file(task, writer);
  if (out_fd < 0) {
    if (in_fd >= 0) close_file(task, in_fd);
    else put_file(reader);
    put_file(writer);
    return -EMFILE;
  }
  store<i32>(user_range(fds, 8), in_fd);
  store<i32>(user_range(fds, 8), out_fd, 4);
  return 0;
}

/** (fd) → fd, the lowest that is free */
export function sys_dup(fd: i32, b: i32, c: i32): i32 {
  const file = hold_file(current(), fd);
  if (!changetype<usize>(file)) return -EBADF;
  const other = install_file(current(), file);
  if (other < 0) put_file(file);
  return other;
}

/** (fd, fd) → the second, which is closed first */
export function sys_dup2(fd: i32, to: i32, c: i32): i32 {
  return duplicate_file(current(), fd, to);
}

/** (fd, offset, SEEK_*) → position */
export function sys_lseek(fd: i32, offset: i32, whence: i32): i32 {
  const file = hold_file(current(), fd);
  if (!changetype<usize>(file)) return -EBADF;
  const result = vfs_seek(file, offset, whence);
  put_file(file);
  return result;
}

/** (fd, length) → 0 */
export function sys_ftruncate(fd: i32, length: i32, c: i32): i32 {
  const file = hold_file(current(), fd);
  if (!changetype<usize>(file)) return -EBADF;
  const wrong = length < 0 || file.kind != FILE_RAM || (file.flags & O_ACCMODE) == O_RDONLY;
  const result = wrong ? -EINVAL : ram_resize(file.inode, length);
  put_file(file);
  return result;
}

/** (fd, buffer, length) → bytes of DIRENT_* records */
export function sys_getdents(fd: i32, buffer: i32, length: i32): i32 {
  const file = hold_file(current(), fd);
  if (!changetype<usize>(file)) return -EBADF;
  const result = file.kind == FILE_DIRECTORY ? list_directory(file, buffer, length) : -ENOTDIR;
  put_file(file);
  return result;
}

/** (fd, STAT_* block*) → 0 */
export function sys_fstat(fd: i32, block: i32, c: i32): i32 {
  const file = hold_file(current(), fd);
  if (!changetype<usize>(file)) return -EBADF;
  const result = changetype<usize>(file.inode) ? put_inode_stat(file.inode, block) : put_other_stat(file, block);
  put_file(file);
  return result;
}

/** Writes what stat() says of `inode` to a user block: 0 or -EFAULT. */
export function put_inode_stat(inode: Inode, block: i32): i32 {
  const at = user_range(block, STAT_SIZE);
  if (!at) return -EFAULT;
  store<u32>(at, inode.number, STAT_INODE);
  store<i32>(at, inode.mode, STAT_MODE);
  store<i32>(at, link_count(inode), STAT_LINKS);
  store<i32>(at, inode.uid, STAT_UID);
  store<i32>(at, inode.gid, STAT_GID);
  store<i32>(at, inode.size, STAT_BYTES);
  store<i32>(at, inode.mount, STAT_MOUNT);
  store<i32>(at, inode.modified, STAT_MTIME);
  return 0;
}

/** The same of a pipe, or of a terminal that no path led to. */
@notrace function put_other_stat(file: File, block: i32): i32 {
  const at = user_range(block, STAT_SIZE);
  if (!at) return -EFAULT;
  memory.fill(at, 0, STAT_SIZE);
  store<u32>(at, <u32>file.object, STAT_INODE);
  store<i32>(at, file.kind == FILE_PIPE ? S_IFIFO | 0o600 : S_IFCHR | 0o620, STAT_MODE);
  store<i32>(at, 1, STAT_LINKS);
  return 0;
}
