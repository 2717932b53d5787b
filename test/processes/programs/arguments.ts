/** What a program is started with: arguments and descriptors. */
import { E2BIG, EBADF, EFAULT, EINVAL, ENOENT, SYS_SPAWNV } from "../../../kernel/abi";
import { BUFFER, ascii, close, pipe, raw, read, wait, write } from "../../../kernel/user/lib";
import { arg, args, parse, plan, spawn_planned } from "../../../kernel/user/process";

const STATUS: usize = memory.data(4);
const FDS: usize = memory.data(8);
const PATH: usize = memory.data(64);
const ARGV: usize = memory.data(2100);

/** Arguments, each with a zero behind it instead of the space. */
function words(text: string, to: usize): i32 {
  const length = ascii(text, to);
  for (let i = 0; i < length; i++) if (load<u8>(to + i) == 32) store<u8>(to + i, 0);
  return length;
}

export function arguments_arrive(argument: i32): i32 {
  if (argument) return argument == 42 && args() == 3 && parse(arg(1)) == 42 && load<u8>(arg(2)) == 0x78 && !load<u8>(arg(2) + 1) ? 0 : 9;
  const length = words("me 42 x ", ARGV);
  plan(ARGV, length, -1, -1, -1, -1);
  const child = spawn_planned(PATH, ascii("/bin/arguments_arrive", PATH));
  return wait(child, STATUS) == child ? load<i32>(STATUS) >> 8 : 1;
}

export function arguments_are_checked(argument: i32): i32 {
  memory.fill(ARGV, 0x61, 2100);
  plan(ARGV, 2049, -1, -1, -1, -1);
  const length = ascii("leaf", PATH);
  if (spawn_planned(PATH, length) != -E2BIG) return 1;
  plan(ARGV, 5, -1, -1, -1, -1); // no zero at its end
  if (spawn_planned(PATH, length) != -EINVAL) return 2;
  plan(0xfffffff0, 8, -1, -1, -1, -1);
  if (spawn_planned(PATH, length) != -EFAULT) return 3;
  if (raw(SYS_SPAWNV, <i32>PATH, length, -16) != -EFAULT) return 4;
  plan(0, 0, -1, -1, -1, -1);
  if (spawn_planned(PATH, ascii("/bin/none", PATH)) != -ENOENT) return 5;
  return args() == 0 ? 0 : 6;
}

/** Writes on 1 what it reads on 0; has nothing else open. */
export function descriptors(argument: i32): i32 {
  if (argument) {
    if (read(2, BUFFER, 1) != -EBADF || read(3, BUFFER, 1) != -EBADF) return 9;
    return write(1, BUFFER, read(0, BUFFER, 100)) == 3 ? 0 : 8;
  }
  if (pipe(FDS) != 0 || pipe(PATH) != 0) return 1;
  plan(ARGV, words("d 1 ", ARGV), load<i32>(FDS), load<i32>(PATH, 4), -1, -1);
  const child = spawn_planned(BUFFER, ascii("descriptors", BUFFER));
  if (write(load<i32>(FDS, 4), BUFFER, 3) != 3) return 2;
  close(load<i32>(PATH, 4));
  if (wait(child, STATUS) != child || load<i32>(STATUS) != 0) return 3;
  return read(load<i32>(PATH), BUFFER, 10) == 3 && read(load<i32>(PATH), BUFFER, 10) == 0 ? 0 : 4;
}

export function show_arguments(argument: i32): i32 {
  return args();
}
