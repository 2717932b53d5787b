/**
 * Wrong system calls: each must answer with an error number and change nothing.
 */
import { EBADF, EFAULT, EINVAL, ENAMETOOLONG, ENOENT, ENOSYS, ESRCH, O_RDONLY, SYS_GETPID } from "../abi";
import { ascii, close, kill, open, pipe, raw, read, spawn, wait, write } from "./lib";
import { answered, takes_number } from "./options";

const PATH: usize = memory.data(32);
const FDS: usize = memory.data(8);

/** 0 when all of them answer as they should, else the number of the first that does not. */
export function probe(argument: i32): i32 {
  if (!takes_number("probe")) return answered;
  const missing = ascii("/tmp/none", PATH);
  if (raw(9999, 0, 0, 0) != -ENOSYS) return 1;
  if (raw(-1, 0, 0, 0) != -ENOSYS) return 2;
  if (read(7, PATH, 1) != -EBADF || write(-1, PATH, 1) != -EBADF || close(99) != -EBADF) return 3;
  if (open(PATH, missing, O_RDONLY) != -ENOENT) return 4;
  if (open(0xfffffff0, 8, O_RDONLY) != -EFAULT) return 5;
  if (open(PATH, 100000, O_RDONLY) != -ENAMETOOLONG) return 6;
  if (open(PATH, 0, O_RDONLY) != -ENOENT || open(PATH, -1, O_RDONLY) != -EINVAL) return 7;
  if (kill(12345, 9) != -ESRCH || kill(12345, 99) != -EINVAL) return 8;
  if (spawn("nothing", 0) != -ENOENT) return 9;
  if (wait(12345, 0) >= 0 || wait(-1, 0xfffffffc) != -EFAULT) return 10;
  if (pipe(0xfffffffc) != -EFAULT || pipe(FDS) != 0) return 11;
  if (write(load<i32>(FDS), PATH, 1) != -EBADF || read(load<i32>(FDS, 4), PATH, 1) != -EBADF) return 12;
  if (write(load<i32>(FDS, 4), 0xffffff00, 100) != -EFAULT) return 13;
  if (write(load<i32>(FDS, 4), PATH, -5) != -EINVAL) return 14;
  return raw(SYS_GETPID, 0, 0, 0) > 0 ? 0 : 15;
}
