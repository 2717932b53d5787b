/**
 * System calls on files and pipes.
 */
import { EBADF, EFAULT, EINVAL, EMFILE, ENAMETOOLONG, ENOMEM, ENOTTY, O_RDONLY, O_WRONLY } from "../abi";
import { alloc_file, close_file, file_of, get_file, install_file, put_file, vfs_read, vfs_write } from "../fs/file";
import { FILE_PIPE, FILE_RAM, FILE_TTY } from "../fs/handle";
import { PATH_MAX, is_error, open_path } from "../fs/open";
import { alloc_pipe } from "../fs/pipe";
import { splice_to_pipe } from "../fs/splice";
import { ram_unlink } from "../fs/ramfs";
import { tty_ioctl } from "../fs/tty";
import { kfree, kmalloc } from "../mm/slab";
import { copy_from_user, user_range } from "../mm/uaccess";
import { current } from "../sched/task";

/** A kernel copy of a user path, to be freed with kfree(), or a negative errno as its address. */
export function path_from_user(address: i32, length: i32): usize {
  if (length < 1) return <usize>-EINVAL;
  if (length > PATH_MAX) return <usize>-ENAMETOOLONG;
  const path = kmalloc(length);
  if (!path) return <usize>-ENOMEM;
  if (!copy_from_user(path, address, length)) return path;
  kfree(path);
  return <usize>-EFAULT;
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

/** (fd, buffer, length) → bytes */
export function sys_read(fd: i32, buffer: i32, length: i32): i32 {
  const file = file_of(current(), fd);
  if (!changetype<usize>(file)) return -EBADF;
  if (length < 0) return -EINVAL;
  get_file(file); // another task that shares it may close it while this one sleeps
  const result = vfs_read(file, buffer, length);
  put_file(file);
  return result;
}

/** (fd, buffer, length) → bytes */
export function sys_write(fd: i32, buffer: i32, length: i32): i32 {
  const file = file_of(current(), fd);
  if (!changetype<usize>(file)) return -EBADF;
  if (length < 0) return -EINVAL;
  get_file(file);
  const result = vfs_write(file, buffer, length);
  put_file(file);
  return result;
}

/** (file, pipe, length) → bytes */
export function sys_splice(from: i32, to: i32, length: i32): i32 {
  const file = file_of(current(), from);
  const pipe = file_of(current(), to);
  if (!changetype<usize>(file) || !changetype<usize>(pipe)) return -EBADF;
  if (file.kind != FILE_RAM || pipe.kind != FILE_PIPE || length < 0) return -EINVAL;
  if (file.flags & O_WRONLY || !(pipe.flags & O_WRONLY)) return -EBADF;
  get_file(file);
  get_file(pipe);
  const result = splice_to_pipe(file, pipe, length);
  put_file(pipe);
  put_file(file);
  return result;
}

/** (fd, request, value) → value or 0; terminals only */
export function sys_ioctl(fd: i32, request: i32, value: i32): i32 {
  const file = file_of(current(), fd);
  if (!changetype<usize>(file)) return -EBADF;
  return file.kind == FILE_TTY ? tty_ioctl(file, request, value) : -ENOTTY;
}

/** (fd) → 0 */
export function sys_close(fd: i32, b: i32, c: i32): i32 {
  return close_file(current(), fd);
}

/** (path, length) → 0 */
export function sys_unlink(address: i32, length: i32, c: i32): i32 {
  const path = path_from_user(address, length);
  if (is_error(path)) return <i32>path;
  const result = load<u8>(path) == 47 ? ram_unlink(path, length) : -EINVAL;
  kfree(path);
  return result;
}

/** (fds*) → 0; writes the descriptors to read from and to write to */
export function sys_pipe(fds: i32, b: i32, c: i32): i32 {
  if (!user_range(fds, 8)) return -EFAULT;
  const pipe = alloc_pipe();
  if (!changetype<usize>(pipe)) return -ENOMEM;
  const reader = alloc_file(FILE_PIPE, O_RDONLY, changetype<usize>(pipe));
  const writer = alloc_file(FILE_PIPE, O_WRONLY, changetype<usize>(pipe));
  if (!changetype<usize>(reader) || !changetype<usize>(writer)) {
    kfree(changetype<usize>(reader));
    kfree(changetype<usize>(writer));
    kfree(changetype<usize>(pipe));
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
