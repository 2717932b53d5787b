/** Paths: how they are walked, and what they are refused for. */
import {
  EFAULT, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ERANGE, O_CREAT, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, O_RDWR, STAT_INODE, SYS_CHDIR, SYS_GETCWD, SYS_MKDIR, SYS_OPEN, SYS_RMDIR,
  SYS_STAT,
} from "../../../kernel/abi";
import { BUFFER, close, raw, spawn, wait } from "../../../kernel/user/lib";
import { ROOM, ROOM_BYTES, chdir, getcwd, holds, lstat, mkdir, open, put, readlink, rename, rmdir, room_is, stat, stat_of, symlink, unlink } from "./calls";

const STATUS: usize = memory.data(4);

export function relative_paths(argument: i32): i32 {
  if (!room_is(getcwd(ROOM_BYTES), "/")) return 1;
  if (mkdir("/tmp/a") || mkdir("/tmp/a/b") || chdir("/tmp/a/b")) return 2;
  if (!room_is(getcwd(ROOM_BYTES), "/tmp/a/b")) return 3;
  if (put("here", "x") || !holds("/tmp/a/b/here", "x") || !holds("./../b//here", "x") || !holds("../../../tmp/a/b/here", "x")) return 4;
  if (chdir("..") || !room_is(getcwd(ROOM_BYTES), "/tmp/a") || !holds("b/here", "x")) return 5;
  if (chdir("here") != -ENOENT || chdir("b/here") != -ENOTDIR || chdir("") != -ENOENT) return 6;
  if (chdir("/../..") || !room_is(getcwd(ROOM_BYTES), "/")) return 7;
  return unlink("/tmp/a/b/here") || rmdir("/tmp/a/b") || rmdir("/tmp/a") ? 8 : 0;
}

export function inherited_directory(argument: i32): i32 {
  if (argument) return room_is(getcwd(ROOM_BYTES), "/tmp/home") ? 0 : 1;
  if (mkdir("/tmp/home") || chdir("/tmp/home")) return 2;
  if (wait(spawn("inherited_directory", 1), STATUS) < 0 || load<i32>(STATUS)) return 3;
  return chdir("/") || rmdir("/tmp/home") ? 4 : 0;
}

export function removed_directory(argument: i32): i32 {
  if (mkdir("/tmp/gone") || chdir("/tmp/gone") || rmdir("/tmp/gone")) return 1;
  if (getcwd(ROOM_BYTES) != -ENOENT || put("file", "x") != -ENOENT || mkdir("dir") != -ENOENT) return 2;
  if (open("nothing", O_RDONLY) != -ENOENT || stat(".")) return 3;
  return chdir("..") || !room_is(getcwd(ROOM_BYTES), "/tmp") ? 4 : 0;
}

export function wrong_paths(argument: i32): i32 {
  if (put("/tmp/file", "x")) return 1;
  if (open("/tmp/file/", O_RDONLY) != -ENOTDIR || open("/tmp/file/x", O_RDONLY) != -ENOTDIR || stat("/tmp/file/..") != -ENOTDIR) return 2;
  if (open("/tmp/none/x", O_RDWR | O_CREAT) != -ENOENT || open("/tmp/none/", O_RDWR | O_CREAT) != -EISDIR || open("", O_RDONLY) != -ENOENT) return 3;
  if (open("/tmp", O_RDWR) != -EISDIR || open("/tmp", O_CREAT) != -EISDIR || open("/tmp/file", O_DIRECTORY) != -ENOTDIR) return 4;
  const directory = open("/tmp/", O_DIRECTORY);
  if (directory < 0 || close(directory)) return 5;
  return unlink("/tmp/file/") == -ENOTDIR && unlink("/tmp/file") == 0 ? 0 : 6;
}

export function long_paths(argument: i32): i32 {
  memory.fill(ROOM, 0x61, ROOM_BYTES);
  if (raw(SYS_MKDIR, <i32>ROOM, 256, 0o777) != -ENAMETOOLONG || raw(SYS_MKDIR, <i32>ROOM, 255, 0o777)) return 1;
  if (raw(SYS_STAT, <i32>ROOM, 255, <i32>BUFFER) || raw(SYS_CHDIR, <i32>ROOM, 255, 0)) return 2;
  if (raw(SYS_GETCWD, <i32>BUFFER, 255, 0) != -ERANGE || raw(SYS_GETCWD, <i32>BUFFER, 256, 0) != 256) return 3;
  for (let i = 0; i < 4096; i += 2) store<u16>(ROOM + i, 0x2f2e); // "./" again and again
  if (raw(SYS_STAT, <i32>ROOM, 4095, <i32>BUFFER) || raw(SYS_STAT, <i32>ROOM, 4096, <i32>BUFFER) != -ENAMETOOLONG) return 4;
  memory.fill(ROOM, 0x61, 255);
  return chdir("/") || raw(SYS_STAT, 0x7fffff00, 255, <i32>BUFFER) != -EFAULT || raw(SYS_OPEN, <i32>ROOM, 255, O_RDWR) != -EISDIR ? 5 : clean_up();
}
function clean_up(): i32 {
  return raw(SYS_RMDIR, <i32>ROOM, 255, 0);
}

export function links(argument: i32): i32 {
  if (put("/tmp/real", "there") || symlink("real", "/tmp/link") || symlink("/tmp", "/tmp/up")) return 1;
  if (!holds("/tmp/link", "there") || !holds("/tmp/up/up/up/link", "there")) return 2;
  if (!room_is(readlink("/tmp/up/link"), "real") || readlink("/tmp/real") >= 0) return 3;
  if (open("/tmp/link", O_RDONLY | O_NOFOLLOW) != -ELOOP || stat("/tmp/link")) return 4;
  const number = stat_of(STAT_INODE);
  if (stat("/tmp/real") || stat_of(STAT_INODE) != number || lstat("/tmp/link") || stat_of(STAT_INODE) == number) return 5;
  if (symlink("/tmp/loop", "/tmp/loop") || open("/tmp/loop", O_RDONLY) != -ELOOP || open("/tmp/loop/x", O_RDONLY) != -ELOOP) return 6;
  if (symlink("nowhere", "/tmp/dead") || open("/tmp/dead", O_RDONLY) != -ENOENT || open("/tmp/link/", O_RDONLY) != -ENOTDIR) return 7;
  if (unlink("/tmp/link") || !holds("/tmp/real", "there")) return 8;
  if (rename("/tmp/up", "/tmp/down") || !room_is(readlink("/tmp/down"), "/tmp")) return 9;
  return unlink("/tmp/real") || unlink("/tmp/down") || unlink("/tmp/loop") || unlink("/tmp/dead") ? 10 : 0;
}
