/**
 * From a path to an open file: /proc/… is text, everything else lives in the in-memory file system.
 */
import { EINVAL, ENOMEM } from "../abi";
import { kfree, kmalloc } from "../mm/slab";
import { free_pages } from "../mm/page";
import { alloc_file } from "./file";
import { FILE_PROC, FILE_RAM, File } from "./handle";
import { proc_open } from "./procfs";
import { drop_inode, ram_open } from "./ramfs";

export const PATH_MAX = 256;
const PROC_PREFIX = 6; // "/proc/"

@inline export function is_error(value: usize): bool {
  return <i32>value < 0 && <i32>value > -4096;
}

@notrace function in_proc(path: usize, length: i32): bool {
  return length > PROC_PREFIX && load<u32>(path) == 0x6f72702f && load<u16>(path, 4) == 0x2f63;
}

/** Opens an absolute path in kernel memory: a file with one reference, or a negative errno as its address. */
export function open_path(path: usize, length: i32, flags: i32): File {
  if (length < 2 || load<u8>(path) != 47) return changetype<File>(<usize>-EINVAL);
  return in_proc(path, length) ? open_proc(path + PROC_PREFIX, length - PROC_PREFIX, flags) : open_ram(path, length, flags);
}

function open_proc(path: usize, length: i32, flags: i32): File {
  const size = kmalloc(4);
  if (!size) return changetype<File>(<usize>-ENOMEM);
  const page = proc_open(path, length, size);
  const bytes = load<i32>(size);
  kfree(size);
  if (is_error(page)) return changetype<File>(page);
  const file = alloc_file(FILE_PROC, flags, page);
  if (!changetype<usize>(file)) {
    free_pages(page, 0);
    return changetype<File>(<usize>-ENOMEM);
  }
  file.size = bytes;
  return file;
}

function open_ram(path: usize, length: i32, flags: i32): File {
  const inode = ram_open(path, length, flags);
  if (is_error(changetype<usize>(inode))) return changetype<File>(changetype<usize>(inode));
  const file = alloc_file(FILE_RAM, flags, changetype<usize>(inode));
  if (changetype<usize>(file)) return file;
  drop_inode(inode);
  return changetype<File>(<usize>-ENOMEM);
}
