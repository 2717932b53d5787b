/** Random text into every file below /proc, /sys and /dev that can be written, as root. */
import { DIRENT_KIND, DIRENT_LENGTH, DIRENT_NAME, DIRENT_NAME_LENGTH, O_DIRECTORY, O_RDONLY, O_WRONLY, SYS_GETDENTS, S_IFDIR, S_IFLNK } from "../../../kernel/abi";
import { BUFFER, BUFFER_SIZE, ascii, close, decimal, open, random, raw, read, write } from "../../../kernel/user/lib";
import { SEED, begin } from "./seed";

const PATH: usize = memory.data(1024);
const NAMES: usize = memory.data(8192);
/** A directory with more entries is not looked through to its end. */
const NAMES_SIZE = 1024;
const DEPTH = 8;
const LONG = 1000;
const TEXTS = 13;
const KIND_SHIFT = 12;

/** Gives how many files it wrote to, at most 200. */
export function writes(seed: i32): i32 {
  begin(seed);
  return min(visit(ascii("/proc", PATH), 0) + visit(ascii("/sys", PATH), 0) + visit(ascii("/dev", PATH), 0), 200);
}

/** The directory in PATH; names of each depth have a place of their own. */
function visit(length: i32, depth: i32): i32 {
  if (depth == DEPTH) return 0;
  const names = NAMES + depth * NAMES_SIZE;
  const fd = open(PATH, length, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return 0;
  let written = 0;
  for (let got = raw(SYS_GETDENTS, fd, <i32>names, NAMES_SIZE); got > 0; got = raw(SYS_GETDENTS, fd, <i32>names, NAMES_SIZE)) {
    for (let at = names; at < names + got; at += load<u16>(at, DIRENT_LENGTH)) {
      if (load<u8>(at + DIRENT_NAME) == 46) continue; // . and ..
      const bytes = <i32>load<u8>(at, DIRENT_NAME_LENGTH);
      store<u8>(PATH + length, 47);
      memory.copy(PATH + length + 1, at + DIRENT_NAME, bytes);
      const kind = <i32>load<u8>(at, DIRENT_KIND) << KIND_SHIFT;
      if (kind == S_IFDIR) written += visit(length + 1 + bytes, depth + 1);
      else if (kind != S_IFLNK) written += <i32>scribble(length + 1 + bytes);
    }
  }
  close(fd);
  return written;
}

/** Reads a little and writes a few texts; whether it could. */
function scribble(length: i32): bool {
  const fd = open(PATH, length, O_WRONLY);
  if (fd < 0) return false;
  for (let i = 0; i < 3; i++) write(fd, BUFFER, text());
  raw(SYS_GETDENTS, fd, <i32>BUFFER, BUFFER_SIZE);
  read(fd, BUFFER, 16);
  close(fd);
  return true;
}

/** What somebody might write, or might not; its length. */
function text(): i32 {
  const which = random(SEED, TEXTS);
  if (which == 0) return 0;
  if (which == 1) return ascii("0\n", BUFFER);
  if (which == 2) return ascii("1\n", BUFFER);
  if (which == 3) return ascii("-1", BUFFER);
  if (which == 4) return decimal(random(SEED, 0x7fffffff), BUFFER);
  if (which == 5) return ascii("99999999999999999999", BUFFER);
  if (which == 6) return ascii("function\n", BUFFER);
  if (which == 7) return ascii("*\n", BUFFER);
  if (which == 8) return ascii("vfs_read !*sched* p:x y\n", BUFFER);
  if (which == 9) return ascii("file *.ts line 1-99 +pflmt\n", BUFFER);
  if (which == 11) return ascii("p:fuzz vfs_read\n", BUFFER);
  const length = which == 10 ? LONG : random(SEED, LONG);
  for (let i = 0; i < length; i++) store<u8>(BUFFER + i, <u8>(which == 10 ? 65 : random(SEED, 256)));
  return length;
}
