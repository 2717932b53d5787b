/**
 * System calls on kernel modules.
 */
import { EBADF, ENOEXEC, ENOMEM, EPERM } from "../abi";
import { hold_file } from "../fs/descriptors";
import { put_file, vfs_read } from "../fs/file";
import { File } from "../fs/handle";
import { is_error } from "../fs/inode";
import { klp_alloc, klp_free } from "../livepatch/requests";
import { kfree } from "../mm/slab";
import { load_module } from "../module/load";
import { delete_module } from "../module/unload";
import { current } from "../sched/task";
import { process } from "../fs/permission";
import { path_from_user } from "./path_calls";

/** The largest file that is taken for a module. */
const MODULE_BYTES = 1 << 20;

/** (fd, parameters, length): loads the module that the rest of the file holds. */
export function sys_finit_module(fd: i32, parameters: i32, length: i32): i32 {
  if (process().uid) return -EPERM;
  const text = length > 0 ? path_from_user(parameters, length) : 0;
  if (is_error(text)) return <i32>text;
  const file = hold_file(current(), fd);
  const result = changetype<usize>(file) ? load_from(file, text, length) : -EBADF;
  if (changetype<usize>(file)) put_file(file);
  kfree(text);
  return result;
}

function load_from(file: File, parameters: usize, length: i32): i32 {
  const block = klp_alloc(MODULE_BYTES, 0);
  if (block < 0) return -ENOMEM;
  const bytes = read_whole(file, <usize>block);
  let result = bytes;
  if (bytes >= 0) result = bytes == MODULE_BYTES ? -ENOEXEC : load_module(<usize>block, bytes, parameters, max(length, 0));
  klp_free(block, 0);
  return min(result, 0);
}

/** Reads into kernel memory: while it does, the task's addresses are the kernel's. */
function read_whole(file: File, to: usize): i32 {
  const task = current();
  const window = task.window;
  task.window = 0;
  let bytes = 0;
  let got = 0;
  while (bytes < MODULE_BYTES) {
    got = vfs_read(file, to + bytes, MODULE_BYTES - bytes);
    if (got <= 0) break;
    bytes += got;
  }
  task.window = window;
  return got < 0 ? got : bytes;
}

/** (name, length): unloads it. */
export function sys_delete_module(name: i32, length: i32, unused: i32): i32 {
  if (process().uid) return -EPERM;
  const text = path_from_user(name, length);
  if (is_error(text)) return <i32>text;
  const result = delete_module(text, length);
  kfree(text);
  return result;
}
