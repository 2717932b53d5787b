/**
 * What the host asks of terminals: hostd's rows, and starting a program on one.
 */
import { E2BIG, EINVAL, ENOMEM, O_RDWR, ARG_MAX, SPAWN_ARGV_LENGTH, SPAWN_FDS, SPAWN_SIZE } from "../abi";
import { close_file, install_file } from "../fs/descriptors";
import { alloc_file, put_file } from "../fs/file";
import { FILE_TTY } from "../fs/handle";
import { tty_close, tty_hold, tty_input, tty_open, tty_output } from "../fs/tty";
import { tty_at } from "../fs/tty_record";
import { MAILBOX, MAILBOX_SIZE, MAX_TTYS } from "../layout";
import { kfree, kmalloc, kzalloc } from "../mm/slab";
import { current } from "../sched/task";
import { spawn_with } from "./user";

export function host_tty_open(bits: i32, length: i32): i32 {
  return tty_open(bits);
}
export function host_tty_input(terminal: i32, length: i32): i32 {
  return tty_input(terminal, MAILBOX, length);
}
export function host_tty_output(terminal: i32, length: i32): i32 {
  return tty_output(terminal, MAILBOX, MAILBOX_SIZE);
}
export function host_tty_close(terminal: i32, length: i32): i32 {
  return tty_close(terminal);
}

/** Starts the program that the arguments in the mailbox begin with, in a group of its own, which is the foreground. */
export function host_tty_spawn(terminal: i32, length: i32): i32 {
  if (<u32>terminal >= <u32>MAX_TTYS || !tty_at(terminal).attached) return -EINVAL;
  if (length > ARG_MAX) return -E2BIG;
  if (length < 2 || load<u8>(MAILBOX + length - 1)) return -EINVAL;
  const fd = open_terminal(terminal);
  if (fd < 0) return fd;
  const pid = spawn_on(fd, length);
  close_file(current(), fd);
  if (pid > 0) tty_at(terminal).foreground = pid;
  return pid;
}

/** A descriptor of hostd's own. */
function open_terminal(terminal: i32): i32 {
  const file = alloc_file(FILE_TTY, O_RDWR, terminal);
  if (!changetype<usize>(file)) return -ENOMEM;
  tty_hold(terminal);
  const fd = install_file(current(), file);
  if (fd < 0) put_file(file);
  return fd;
}

function spawn_on(fd: i32, length: i32): i32 {
  const plan = kzalloc(SPAWN_SIZE);
  const args = kmalloc(length);
  let pid = -ENOMEM;
  if (plan && args) {
    memory.copy(args, MAILBOX, length);
    store<i32>(plan, length, SPAWN_ARGV_LENGTH);
    for (let i = 0; i < 3; i++) store<i32>(plan + (<usize>i << 2), fd, SPAWN_FDS);
    let name = 0;
    while (load<u8>(args + name)) name++;
    pid = spawn_with(args, name, plan, args);
  }
  if (pid < 0) kfree(args);
  kfree(plan);
  return pid;
}
