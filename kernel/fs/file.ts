/**
 * Open files: the record, and the tables that send open, read, write and release to the right kind.
 *
 * Adding a kind is a number in handle.ts, a row in each table, and a test. Descriptors are descriptors.ts's.
 */
import { EBADF, EINVAL, EISDIR, ENXIO, ESPIPE, O_ACCMODE, O_RDONLY, O_WRONLY, SEEK_CUR, SEEK_END, SEEK_SET } from "../abi";
import { VFS } from "../layout";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { kfree, kzalloc } from "../mm/slab";
import { text_open, text_read, text_release, text_write } from "./attributes";
import { full_write, kmsg_open, kmsg_read, kmsg_write, null_read, null_write, random_read, zero_read } from "./devices";
import { FILE_PIPE, FILE_SIZE, FILE_TTY, File } from "./handle";
import { host_read } from "./hostfs";
import { Tree } from "./inode";
import { put_inode } from "./lifetime";
import { pipe_read, pipe_release, pipe_write } from "./pipe";
import { ram_read, ram_write } from "./ramfs";
import { stream_open, stream_read, stream_release, stream_write } from "../trace/stream";
import { console_open, tty_read, tty_release, tty_write } from "./tty";

type OpenFunction = (file: File) => i32;
type TransferFunction = (file: File, buffer: usize, length: i32) => i32;
type ReleaseFunction = (file: File) => void;

// Rows are FILE_*: ram, pipe, text, terminal, directory, null, full, zero, random, kmsg, host, link, console, trace.
const OPEN: StaticArray<OpenFunction> = [
  opens, opens_not, text_open, opens_not, opens, opens, opens, opens, opens, kmsg_open, opens, opens_not, console_open, stream_open];
const READ: StaticArray<TransferFunction> = [
  ram_read, pipe_read, text_read, tty_read, is_a_directory, null_read, zero_read, zero_read, random_read, kmsg_read, host_read, not_open, not_open, stream_read];
const WRITE: StaticArray<TransferFunction> = [
  ram_write, pipe_write, text_write, tty_write, is_a_directory, null_write, full_write, null_write, null_write, kmsg_write, not_open, not_open, not_open, stream_write];
const RELEASE: StaticArray<ReleaseFunction> = [
  nothing, pipe_release, text_release, tty_release, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing, stream_release];

function opens(file: File): i32 {
  return 0;
}
function opens_not(file: File): i32 {
  return -ENXIO;
}
function not_open(file: File, buffer: usize, length: i32): i32 {
  return -EBADF;
}
function is_a_directory(file: File, buffer: usize, length: i32): i32 {
  return -EISDIR;
}
function nothing(file: File): void {}

/** A file record of `kind`, one reference; null when memory is out. */
export function alloc_file(kind: i32, flags: i32, object: usize): File {
  const file = changetype<File>(kzalloc(FILE_SIZE));
  if (!changetype<usize>(file)) return file;
  atomic.add<i32>(VFS, 1, offsetof<Tree>("files"));
  file.references = 1;
  file.kind = kind;
  file.flags = flags;
  file.object = object;
  return file;
}

export function open_file_count(): i32 {
  return atomic.load<i32>(VFS, offsetof<Tree>("files"));
}

/** What the kind does when a file is opened: 0 or -errno; then put_file() is still due. */
@sleeps export function open_kind(file: File): i32 {
  return unchecked(OPEN[file.kind])(file);
}

/** Reads at most `length` bytes to the caller's `buffer`; gives how many, 0 at the end, or -errno. */
@sleeps export function vfs_read(file: File, buffer: usize, length: i32): i32 {
  if ((file.flags & O_ACCMODE) == O_WRONLY) return -EBADF;
  return unchecked(READ[file.kind])(file, buffer, length);
}

/** Writes at most `length` bytes from the caller's `buffer`; gives how many, or -errno. */
@sleeps export function vfs_write(file: File, buffer: usize, length: i32): i32 {
  if ((file.flags & O_ACCMODE) == O_RDONLY) return -EBADF;
  return unchecked(WRITE[file.kind])(file, buffer, length);
}

/** Moves the position; gives it, or -errno. */
export function vfs_seek(file: File, offset: i32, whence: i32): i32 {
  if (file.kind == FILE_PIPE || file.kind == FILE_TTY) return -ESPIPE;
  // Readers and writers of a ram file use its position under this lock.
  spin_lock(file.inode);
  const base: i64 = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file.position : whence == SEEK_END ? file.inode.size : -1;
  const to = base + offset;
  const fits = base >= 0 && to >= 0 && to <= i32.MAX_VALUE;
  if (fits) file.position = <i32>to;
  spin_unlock(file.inode);
  return fits ? <i32>to : -EINVAL;
}

/** Drops a reference; the last one releases what the file stands for. */
@sleeps export function put_file(file: File): void {
  if (atomic.sub<i32>(changetype<usize>(file), 1, offsetof<File>("references")) > 1) return;
  unchecked(RELEASE[file.kind])(file);
  if (changetype<usize>(file.inode)) put_inode(file.inode);
  kfree(changetype<usize>(file));
  atomic.sub<i32>(VFS, 1, offsetof<Tree>("files"));
}

/** One more reference. */
export function get_file(file: File): void {
  atomic.add<i32>(changetype<usize>(file), 1, offsetof<File>("references"));
}
