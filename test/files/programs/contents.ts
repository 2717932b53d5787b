/** What open files hold, and where reading and writing goes on. */
import {
  EBADF, EFBIG, EINVAL, EMFILE, ENOSPC, ESPIPE, O_APPEND, O_CREAT, O_RDONLY, O_RDWR, O_WRONLY, SEEK_CUR, SEEK_END, SEEK_SET, STAT_BYTES, STAT_MODE, SYS_OPEN, SYS_UNLINK, S_IFCHR,
  S_IFIFO,
} from "../../../kernel/abi";
import { BUFFER, BUFFER_SIZE, ascii, close, pipe, raw, read, write } from "../../../kernel/user/lib";
import { dup, dup2, fstat, ftruncate, get, lseek, open, put, set, stat, stat_of, unlink } from "./calls";

const FDS: usize = memory.data(8);
const NUMBERED: usize = memory.data(16);

/** Files by number, "/tmp/f" and a letter. */
function numbered(file: i32): i32 {
  const length = ascii("/tmp/f", NUMBERED);
  store<u8>(NUMBERED + length, <u8>(65 + file));
  return length + 1;
}
function open_number(file: i32): i32 {
  return raw(SYS_OPEN, <i32>NUMBERED, numbered(file), O_RDWR | O_CREAT);
}
function unlink_number(file: i32): i32 {
  return raw(SYS_UNLINK, <i32>NUMBERED, numbered(file), 0);
}

export function positions(argument: i32): i32 {
  if (put("/tmp/p", "0123456789")) return 1;
  const fd = open("/tmp/p", O_RDWR);
  if (lseek(fd, 4, SEEK_SET) != 4 || lseek(fd, 2, SEEK_CUR) != 6 || lseek(fd, -1, SEEK_END) != 9 || lseek(fd, -10, SEEK_CUR) != -EINVAL) return 2;
  if (lseek(fd, 0, 3) != -EINVAL || lseek(99, 0, SEEK_SET) != -EBADF || read(fd, BUFFER, 9) != 1 || load<u8>(BUFFER) != 57) return 3;
  if (lseek(fd, 5000, SEEK_SET) != 5000 || read(fd, BUFFER, 1) != 0 || write(fd, BUFFER, 1) != 1 || fstat(fd) || stat_of(STAT_BYTES) != 5001) return 4;
  if (lseek(fd, 4990, SEEK_SET) != 4990 || read(fd, BUFFER, 100) != 11 || load<u64>(BUFFER) != 0) return 5; // a hole reads as zeros
  if (lseek(fd, 0x7fffffff, SEEK_SET) < 0 || write(fd, BUFFER, 1) != -EFBIG || lseek(fd, 1, SEEK_CUR) != -EINVAL) return 6;
  const end = open("/tmp/p", O_WRONLY | O_APPEND);
  if (write(end, BUFFER, 1) != 1 || lseek(end, 0, SEEK_CUR) != 5002 || close(end) || close(fd)) return 7;
  if (pipe(FDS) || lseek(load<i32>(FDS), 0, SEEK_SET) != -ESPIPE) return 8;
  return unlink("/tmp/p");
}

export function truncation(argument: i32): i32 {
  const fd = open("/tmp/t", O_RDWR | O_CREAT);
  memory.fill(BUFFER, 0x61, BUFFER_SIZE);
  for (let i = 0; i < 6; i++) if (write(fd, BUFFER, BUFFER_SIZE) != BUFFER_SIZE) return 1;
  if (ftruncate(fd, 4100) || ftruncate(fd, 6000) || fstat(fd) || stat_of(STAT_BYTES) != 6000) return 2;
  if (lseek(fd, 4098, SEEK_SET) < 0 || read(fd, BUFFER, 10) != 10 || load<u16>(BUFFER) != 0x6161 || load<u64>(BUFFER, 2) != 0) return 3;
  const reader = open("/tmp/t", O_RDONLY);
  if (ftruncate(reader, 0) != -EINVAL || ftruncate(fd, -1) != -EINVAL || ftruncate(fd, 1 << 23) != -EFBIG || ftruncate(99, 0) != -EBADF) return 4;
  if (ftruncate(fd, 0) || lseek(reader, 0, SEEK_END) != 0 || close(fd) || close(reader)) return 5;
  return unlink("/tmp/t");
}

export function descriptors(argument: i32): i32 {
  if (put("/tmp/x", "abcd")) return 1;
  const fd = open("/tmp/x", O_RDONLY);
  const other = dup(fd);
  if (other < 0 || read(fd, BUFFER, 2) != 2 || read(other, BUFFER, 1) != 1 || load<u8>(BUFFER) != 99) return 2; // one position
  if (dup2(fd, 9) != 9 || close(fd) || close(other) || read(9, BUFFER, 9) != 1 || load<u8>(BUFFER) != 100) return 3;
  if (dup(99) != -EBADF || dup2(9, 16) != -EBADF || dup2(9, -1) != -EBADF || dup2(8, 9) != -EBADF || dup2(9, 9) != 9) return 4;
  let last = 0;
  while (last >= 0) last = dup(9);
  if (last != -EMFILE || open("/tmp/x", O_RDONLY) != -EMFILE || pipe(FDS) != -EMFILE) return 5;
  for (let i = 0; i < 16; i++) close(i);
  return unlink("/tmp/x");
}

export function devices(argument: i32): i32 {
  const zero = open("/dev/zero", O_RDWR);
  memory.fill(BUFFER, 1, 64);
  if (read(zero, BUFFER, 64) != 64 || load<u64>(BUFFER, 56) || write(zero, BUFFER, 64) != 64 || close(zero)) return 1;
  if (get("/dev/null") != 0 || set("/dev/null", "gone") || set("/dev/full", "x") != -ENOSPC || put("/dev/null", "x")) return 2;
  const random = open("/dev/random", O_RDONLY);
  if (read(random, BUFFER, 16) != 16 || read(random, BUFFER + 16, 16) != 16 || load<u64>(BUFFER) == load<u64>(BUFFER, 16) || close(random)) return 3;
  if (stat("/dev/null") || stat_of(STAT_MODE) != (S_IFCHR | 0o666)) return 4;
  if (pipe(FDS) || fstat(load<i32>(FDS)) || stat_of(STAT_MODE) != (S_IFIFO | 0o600)) return 5;
  return 0;
}

/** A file may not be the whole memory, and what is full can be emptied. */
export function full_memory(argument: i32): i32 {
  memory.fill(BUFFER, 0x62, BUFFER_SIZE);
  let error = 0;
  let files = 0;
  for (; !error && files < 12; files++) {
    const fd = open_number(files);
    if (fd < 0) return 1;
    while (!error) {
      const wrote = write(fd, BUFFER, BUFFER_SIZE);
      if (wrote == -EFBIG) break;
      if (wrote != BUFFER_SIZE) error = wrote < 0 ? wrote : 0;
    }
    close(fd);
  }
  if (error != -ENOSPC || put("/tmp/small", "") || put("/tmp/small", "x") != -ENOSPC) return 2;
  for (let i = 0; i < files; i++) if (unlink_number(i)) return 3;
  return put("/tmp/small", "x") || unlink("/tmp/small") ? 4 : 0;
}
