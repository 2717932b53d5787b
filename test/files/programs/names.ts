/** Making, removing and renaming names. */
import {
  EACCES, EBUSY, EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, EPERM, EXDEV, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, STAT_INODE, STAT_LINKS, STAT_MODE, SYS_OPEN, SYS_UNLINK, S_IFDIR, S_IFREG,
} from "../../../kernel/abi";
import { BUFFER, ascii, close, raw, read } from "../../../kernel/user/lib";
import { ROOM, fstat, getdents, holds, mkdir, mkdir_as, open, put, rename, rmdir, stat, stat_of, umask, unlink } from "./calls";

export function directories(argument: i32): i32 {
  if (mkdir("/tmp/d") || mkdir("/tmp/d") != -EEXIST || mkdir("/tmp/d/e/f") != -ENOENT || mkdir("/tmp/d/e/")) return 1;
  if (stat("/tmp/d") || stat_of(STAT_LINKS) != 3 || stat_of(STAT_MODE) != (S_IFDIR | 0o755)) return 2;
  if (rmdir("/tmp/d") != -ENOTEMPTY || rmdir("/tmp/d/.") != -EINVAL || rmdir("/tmp/d/..") != -ENOTEMPTY || rmdir("/") != -EBUSY) return 3;
  if (put("/tmp/d/f", "x") || rmdir("/tmp/d/f") != -ENOTDIR || unlink("/tmp/d/e") != -EISDIR || mkdir("/tmp/d/f/g") != -ENOTDIR) return 4;
  if (rmdir("/proc") != -EBUSY || mkdir(".") != -EEXIST || mkdir("/") != -EEXIST || unlink("/tmp/d/nothing") != -ENOENT) return 5;
  return unlink("/tmp/d/f") || rmdir("/tmp/d/e") || rmdir("/tmp/d") || stat("/tmp/d") != -ENOENT ? 6 : 0;
}

export function creation(argument: i32): i32 {
  umask(0o027);
  const fd = open("/tmp/new", O_RDWR | O_CREAT | O_EXCL);
  if (fd < 0 || fstat(fd) || stat_of(STAT_MODE) != (S_IFREG | 0o640) || stat_of(STAT_LINKS) != 1) return 1;
  if (open("/tmp/new", O_RDWR | O_CREAT | O_EXCL) != -EEXIST) return 2;
  if (mkdir_as("/tmp/newdir", 0o1777) || stat("/tmp/newdir") || stat_of(STAT_MODE) != (S_IFDIR | 0o1750)) return 3;
  if (unlink("/tmp/new") || fstat(fd) || stat_of(STAT_LINKS) != 0) return 4; // it lives on while it is open
  return close(fd) || rmdir("/tmp/newdir") ? 5 : 0;
}

export function renames(argument: i32): i32 {
  if (put("/tmp/one", "1") || put("/tmp/two", "2") || stat("/tmp/one")) return 1;
  const number = stat_of(STAT_INODE);
  const old = open("/tmp/two", O_RDONLY);
  if (rename("/tmp/one", "/tmp/two") || open("/tmp/one", O_RDONLY) != -ENOENT || !holds("/tmp/two", "1")) return 2;
  if (stat("/tmp/two") || stat_of(STAT_INODE) != number || read(old, BUFFER, 9) != 1 || load<u8>(BUFFER) != 50 || close(old)) return 3;
  if (mkdir("/tmp/in") || mkdir("/tmp/in/deep") || rename("/tmp/in", "/tmp/in/deep/x") != -EINVAL || rename("/tmp/in", "/tmp/in/x") != -EINVAL) return 4;
  if (rename("/tmp/two", "/tmp/in") != -EISDIR || rename("/tmp/in", "/tmp/two") != -ENOTDIR || rename("/tmp/two", "/tmp/in/deep/") != -ENOTDIR) return 5;
  if (mkdir("/tmp/full") || put("/tmp/full/x", "") || rename("/tmp/in", "/tmp/full") != -ENOTEMPTY || unlink("/tmp/full/x") || rename("/tmp/in", "/tmp/full")) return 6;
  if (rename("/tmp/two", "/tmp/full/deep/two") || !holds("/tmp/full/deep/two", "1") || rename("/tmp/full/deep/two", "/tmp/full/deep/two")) return 7;
  if (rename("/tmp/none", "/tmp/x") != -ENOENT || rename("/tmp/full", "/proc/x") != -EXDEV || rename("/proc", "/tmp/x") != -EBUSY || rename("/tmp/.", "/tmp/x") != -EBUSY) return 8;
  return unlink("/tmp/full/deep/two") || rmdir("/tmp/full/deep") || rmdir("/tmp/full") ? 9 : 0;
}

const FILES = 40;
const NAME_LENGTH = 12;
/** "/tmp/many/x" and a letter. */
const NAME: usize = memory.data(16);

function open_name(flags: i32): i32 {
  return raw(SYS_OPEN, <i32>NAME, NAME_LENGTH, flags);
}
function unlink_name(): i32 {
  return raw(SYS_UNLINK, <i32>NAME, NAME_LENGTH, 0);
}

/** Every name once, also of a directory that is emptied while it is listed. */
export function listings(argument: i32): i32 {
  if (mkdir("/tmp/many") || ascii("/tmp/many/x", NAME) != NAME_LENGTH - 1) return 1;
  for (let i = 0; i < FILES; i++) {
    store<u8>(NAME + 11, <u8>(48 + i));
    const file = open_name(O_RDWR | O_CREAT);
    if (file < 0) return 2;
    close(file);
  }
  const fd = open("/tmp/many", O_RDONLY);
  if (fd < 0 || getdents(fd, 4) != -EINVAL || read(fd, BUFFER, 9) != -EISDIR) return 3;
  let seen = 0;
  let dots = 0;
  while (true) {
    const got = getdents(fd, 64);
    if (got <= 0) break;
    for (let at = 0; at < got; at += load<u16>(ROOM + at, 4)) {
      const name = ROOM + at + 8;
      if (load<u8>(name) == 46) {
        dots++;
        continue;
      }
      if (load<u8>(name) != 120 || load<u8>(name, 1) != <u8>(48 + seen) || load<u8>(name, 2)) return 4;
      store<u8>(NAME + 11, load<u8>(name, 1));
      if (unlink_name()) return 5;
      seen++;
    }
  }
  close(fd);
  return dots == 2 && seen == FILES && rmdir("/tmp/many") == 0 ? 0 : 6;
}

/** Where only the kernel makes names, nobody else does. */
export function kernel_names(argument: i32): i32 {
  if (put("/proc/x", "") != -ENOENT || mkdir("/proc/x") != -ENOENT || unlink("/proc/uptime") != -EPERM || unlink("/proc/none") != -ENOENT) return 1;
  if (put("/sys/x", "") != -EACCES || mkdir("/sys/x") != -EPERM || rmdir("/sys/kernel") != -EPERM || rename("/sys/kernel", "/sys/x") != -EPERM) return 2;
  return put("/dev/file", "x") || !holds("/dev/file", "x") || unlink("/dev/file") ? 3 : 0;
}
