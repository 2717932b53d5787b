/**
 * Attributes: files whose text the kernel makes when it is read, and takes apart when it is written.
 *
 * /proc, /sys and the tracing files are trees of them. A `show` function writes the text between `at` and `limit` and
 * gives its end; a `store` function gets a line and gives how many bytes it took; both may give a negative errno, and
 * get the subject that the attribute was made with. A read from position 0 makes the text anew; the rest of the file
 * is then of the same moment.
 */
import { EACCES, EFAULT, EINVAL, EIO, ENODEV, ENOMEM, O_ACCMODE, O_RDONLY, O_WRONLY, S_IFDIR, S_IFREG } from "../abi";
import { PAGE_SIZE } from "../layout";
import { alloc_pages, free_pages, page_order } from "../mm/page";
import { copy_from_user, copy_to_user } from "../mm/uaccess";
import { FILE_DIRECTORY, FILE_TEXT, File } from "./handle";
import { FS_PROC, FS_SYS, FS_TRACE, Inode, failed, is_error } from "./inode";
import { make_inode, make_named } from "./lifetime";

export type Show = (at: usize, limit: usize, subject: i32) => usize;
export type Store = (subject: i32, text: usize, length: i32) => i32;
export type Clear = (subject: i32) => i32;

/** A directory of the kernel's own below `parent`, or a negative errno as its address. */
export function add_directory(parent: Inode, name: string): Inode {
  return make_inode(parent, name, parent.fs, FILE_DIRECTORY, S_IFDIR | 0o755);
}

/** A file that can only be read. */
@sleeps export function add_text(parent: Inode, name: string, mode: i32, show: Show, subject: i32): Inode {
  const inode = make_inode(parent, name, parent.fs, FILE_TEXT, S_IFREG | mode);
  if (failed(inode)) return inode;
  inode.show = show.index;
  inode.subject = subject;
  return inode;
}

/** A file that can be written too. */
@sleeps export function add_attribute(parent: Inode, name: string, mode: i32, show: Show, store: Store, subject: i32): Inode {
  const inode = add_text(parent, name, mode, show, subject);
  if (!failed(inode)) inode.store = store.index;
  return inode;
}

/** The same with a name in memory. */
@sleeps export function add_named(parent: Inode, name: usize, length: i32, mode: i32, show: Show, store: Store, subject: i32): Inode {
  const inode = make_named(parent, name, length, parent.fs, FILE_TEXT, S_IFREG | mode);
  if (failed(inode)) return inode;
  inode.show = show.index;
  inode.store = store.index;
  inode.subject = subject;
  return inode;
}

/** A file that can only be written. */
@sleeps export function add_switch(parent: Inode, name: string, mode: i32, store: Store, subject: i32): Inode {
  const inode = make_inode(parent, name, parent.fs, FILE_TEXT, S_IFREG | mode);
  if (failed(inode)) return inode;
  inode.store = store.index;
  inode.subject = subject;
  return inode;
}

/** Opening it with O_TRUNC, as `>` in the shell does, does this first: 0 or -errno. */
@sleeps export function set_clear(inode: Inode, clear: Clear): void {
  if (!failed(inode)) inode.clear = clear.index;
}

/** What opening the attribute to be written anew does: 0 or -errno. */
@sleeps export function text_clear(inode: Inode): i32 {
  return inode.clear ? call_indirect<i32>(inode.clear, inode.subject) : 0;
}

/** Whether the kernel has taken the attribute away while somebody had it open. */
@inline function is_removed(inode: Inode): bool {
  return (inode.fs == FS_SYS || inode.fs == FS_TRACE) && !inode.linked;
}

/** In /sys even root opens a file only for what it can do, as on Linux. */
export function text_open(file: File): i32 {
  const inode = file.inode;
  const mode = file.flags & O_ACCMODE;
  file.object = 0;
  if (inode.fs == FS_SYS && ((mode != O_RDONLY && !inode.store) || (mode != O_WRONLY && !inode.show))) return -EACCES;
  if (mode == O_WRONLY) return 0;
  file.object = alloc_pages(inode.order);
  return file.object ? 0 : -ENOMEM;
}

export function text_release(file: File): void {
  if (file.object) free_pages(file.object, page_order(file.object));
}

@sleeps export function text_read(file: File, to: usize, length: i32): i32 {
  if (!file.object || !file.inode.show) return -EINVAL;
  if (is_removed(file.inode)) return -ENODEV;
  const position = file.position; // another task that shares the file may move it
  if (position == 0 || !file.size) {
    const end = call_indirect<usize>(file.inode.show, file.object, file.object + (PAGE_SIZE << page_order(file.object)), file.inode.subject);
    if (is_error(end)) return <i32>end;
    file.size = <i32>(end - file.object);
  }
  const part = min(length, file.size - position);
  if (part <= 0) return 0;
  if (copy_to_user(to, file.object + position, part)) return -EFAULT;
  file.position = position + part;
  return part;
}

/** A write is one line, as long as a page at most; what is longer is taken as far as that. */
@sleeps export function text_write(file: File, from: usize, length: i32): i32 {
  if (!file.inode.store) return file.inode.fs == FS_PROC ? -EIO : -EINVAL;
  if (is_removed(file.inode)) return -ENODEV;
  const text = alloc_pages(0);
  if (!text) return -ENOMEM;
  const taken = min(length, PAGE_SIZE - 1);
  let result = copy_from_user(text, from, taken);
  if (!result) {
    store<u8>(text + taken, 0);
    result = call_indirect<i32>(file.inode.store, file.inode.subject, text, taken);
  }
  free_pages(text, 0);
  return result;
}
