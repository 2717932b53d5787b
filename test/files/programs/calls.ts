/** File calls with literal paths, for programs that try them. */
import {
  O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, PATHS_FIRST, PATHS_FIRST_LENGTH, PATHS_SECOND, PATHS_SECOND_LENGTH, PATHS_SIZE, STAT_SIZE, SYS_ACCESS, SYS_CHDIR, SYS_CHMOD,
  SYS_CHOWN, SYS_DUP, SYS_DUP2, SYS_FSTAT, SYS_FTRUNCATE, SYS_GETCWD, SYS_GETDENTS, SYS_LSEEK, SYS_LSTAT, SYS_MKDIR, SYS_OPEN, SYS_READLINK, SYS_RENAME, SYS_RMDIR,
  SYS_SETGID, SYS_SETUID, SYS_STAT, SYS_SYMLINK, SYS_UMASK, SYS_UNLINK,
} from "../../../kernel/abi";
import { ascii, close, raw, read, write } from "../../../kernel/user/lib";

const PATH: usize = memory.data(512);
const OTHER: usize = memory.data(512);
const BLOCK: usize = memory.data(PATHS_SIZE);
export const STAT: usize = memory.data(STAT_SIZE);
export const ROOM: usize = memory.data(4096);
export const ROOM_BYTES = 4096;

@inline function on_path(call: i32, path: string, c: i32): i32 {
  return raw(call, <i32>PATH, ascii(path, PATH), c);
}
export function open(path: string, flags: i32): i32 {
  return on_path(SYS_OPEN, path, flags);
}
export function mkdir(path: string): i32 {
  return on_path(SYS_MKDIR, path, 0o777);
}
export function mkdir_as(path: string, mode: i32): i32 {
  return on_path(SYS_MKDIR, path, mode);
}
export function rmdir(path: string): i32 {
  return on_path(SYS_RMDIR, path, 0);
}
export function unlink(path: string): i32 {
  return on_path(SYS_UNLINK, path, 0);
}
export function chdir(path: string): i32 {
  return on_path(SYS_CHDIR, path, 0);
}
export function chmod(path: string, mode: i32): i32 {
  return on_path(SYS_CHMOD, path, mode);
}
export function chown(path: string, uid: i32, gid: i32): i32 {
  return on_path(SYS_CHOWN, path, uid | gid << 16);
}
export function access(path: string, mask: i32): i32 {
  return on_path(SYS_ACCESS, path, mask);
}
/** Fills STAT. */
export function stat(path: string): i32 {
  return on_path(SYS_STAT, path, <i32>STAT);
}
export function lstat(path: string): i32 {
  return on_path(SYS_LSTAT, path, <i32>STAT);
}
export function fstat(fd: i32): i32 {
  return raw(SYS_FSTAT, fd, <i32>STAT, 0);
}
/** A field of what stat() filled in. */
export function stat_of(field: i32): i32 {
  return load<i32>(STAT + field);
}

function plan(first: string, second: usize, second_length: i32): i32 {
  store<u32>(BLOCK, <u32>PATH, PATHS_FIRST);
  store<i32>(BLOCK, ascii(first, PATH), PATHS_FIRST_LENGTH);
  store<u32>(BLOCK, <u32>second, PATHS_SECOND);
  store<i32>(BLOCK, second_length, PATHS_SECOND_LENGTH);
  return <i32>BLOCK;
}
export function rename(from: string, to: string): i32 {
  return raw(SYS_RENAME, plan(from, OTHER, ascii(to, OTHER)), 0, 0);
}
export function symlink(text: string, path: string): i32 {
  return raw(SYS_SYMLINK, plan(text, OTHER, ascii(path, OTHER)), 0, 0);
}
/** The link's text in ROOM. */
export function readlink(path: string): i32 {
  return raw(SYS_READLINK, plan(path, ROOM, ROOM_BYTES), 0, 0);
}
export function getcwd(room: i32): i32 {
  return raw(SYS_GETCWD, <i32>ROOM, room, 0);
}
export function getdents(fd: i32, length: i32): i32 {
  return raw(SYS_GETDENTS, fd, <i32>ROOM, length);
}
export function lseek(fd: i32, offset: i32, whence: i32): i32 {
  return raw(SYS_LSEEK, fd, offset, whence);
}
export function ftruncate(fd: i32, length: i32): i32 {
  return raw(SYS_FTRUNCATE, fd, length, 0);
}
export function dup(fd: i32): i32 {
  return raw(SYS_DUP, fd, 0, 0);
}
export function dup2(fd: i32, to: i32): i32 {
  return raw(SYS_DUP2, fd, to, 0);
}
export function umask(mask: i32): i32 {
  return raw(SYS_UMASK, mask, 0, 0);
}
/** Becomes somebody who is not root. */
export function become(uid: i32): i32 {
  return raw(SYS_SETGID, uid, 0, 0) | raw(SYS_SETUID, uid, 0, 0);
}

/** Whether the first `length` bytes of ROOM spell `text`. */
export function room_is(length: i32, text: string): bool {
  const expected = ascii(text, OTHER);
  return length == expected && memory.compare(ROOM, OTHER, length) == 0;
}

/** A file that holds `text`; 0 or -errno. */
export function put(path: string, text: string): i32 {
  const fd = open(path, O_RDWR | O_CREAT | O_TRUNC);
  if (fd < 0) return fd;
  const length = ascii(text, OTHER);
  const wrote = write(fd, OTHER, length);
  close(fd);
  return wrote == length ? 0 : wrote < 0 ? wrote : -1;
}

/** Bytes of a file, which are then in ROOM; or -errno. */
export function get(path: string): i32 {
  const fd = open(path, O_RDONLY);
  if (fd < 0) return fd;
  const got = read(fd, ROOM, ROOM_BYTES);
  close(fd);
  return got;
}

/** Whether a file holds just `text`. */
export function holds(path: string, text: string): bool {
  return room_is(get(path), text);
}

/** Writes a line to an existing file: 0 or -errno. */
export function set(path: string, text: string): i32 {
  const fd = open(path, 1);
  if (fd < 0) return fd;
  const length = ascii(text, OTHER);
  const wrote = write(fd, OTHER, length);
  close(fd);
  return wrote == length ? 0 : wrote;
}
