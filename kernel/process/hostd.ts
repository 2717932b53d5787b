/**
 * hostd: the kernel thread that does what the host asks through the mailbox.
 *
 *   host: bytes, ARG, LENGTH, OP, then STATE = REQUEST, the mailbox line of CPUs that are awake
 *   hostd: does it, STATUS, then STATE = DONE, notify
 *
 * A new request is a number in abi.ts, a row in OPERATIONS, and a test.
 */
import { CPU_UP, EAGAIN, EFAULT, EINVAL, ENOSYS, IRQF_PERCPU, IRQ_HANDLED, IRQ_MAILBOX, MAIL_DONE, MAIL_REQUEST, O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY, O_TRUNC, O_WRONLY, TASK_INTERRUPTIBLE, WNOHANG } from "../abi";
import { put_file, vfs_read, vfs_write } from "../fs/file";
import { FILE_TTY } from "../fs/handle";
import { is_error } from "../fs/inode";
import { open_path } from "../fs/open";
import {
  HOSTD, HOSTD_SIZE, MACHINE, MACHINE_MAIL_ARG, MACHINE_MAIL_LENGTH, MACHINE_MAIL_OP, MACHINE_MAIL_STATE, MACHINE_MAIL_STATUS, MAILBOX, MAILBOX_SIZE, SELFTEST,
} from "../layout";
import { cpu_down, cpu_up } from "../hotplug/control";
import { request_irq } from "../irq/line";
import { panic } from "../lib/printk";
import { schedule } from "../sched/core";
import { TF_URGENT, set_flag } from "../sched/task";
import { WaitQueue, finish_wait, prepare_to_wait, wait_queue_init, wake_up } from "../sched/wait";
import { klp_alloc, klp_blockers, klp_disable, klp_enable, klp_free, klp_load_patch, klp_signal, klp_status, klp_trace, klp_unload } from "../livepatch/requests";
import { trace_read, trace_write } from "../trace/requests";
import { host_module_load, host_module_remove } from "../module/requests";
import { audit } from "./audit";
import { wait_for_child } from "./exit";
import { ANY_CPU, kthread_run, kthread_should_stop } from "./kthread";
import { kill } from "./signal";
import { host_tty_close, host_tty_input, host_tty_open, host_tty_output, host_tty_spawn } from "./terminal";
import { spawn } from "./user";

type Operation = (argument: i32, length: i32) => i32;

/** Rows are MAIL_OP_*. */
const OPERATIONS: StaticArray<Operation> = [host_nothing, host_read, host_spawn, host_wait, host_selftest, host_audit, host_kill,
  klp_alloc, klp_free, klp_load_patch, klp_enable, klp_disable, klp_unload, klp_status, klp_signal, klp_blockers, klp_trace,
  host_tty_open, host_tty_spawn, host_tty_input, host_tty_output, host_tty_close, host_cpu, trace_write, trace_read,
  host_module_load, host_module_remove, host_write];

/** Beside the wait queue: 1 while hostd is at a request. */
const BUSY = 32;
if (<i32>offsetof<WaitQueue>() > BUSY || BUSY >= HOSTD_SIZE) ERROR("hostd's wait queue no longer fits layout.ts");

@inline function mail_queue(): WaitQueue {
  return changetype<WaitQueue>(<usize>HOSTD);
}
@inline function requested(): bool {
  // Pairs with the host's store, which comes after the request's bytes.
  return atomic.load<i32>(MACHINE, MACHINE_MAIL_STATE) == MAIL_REQUEST;
}

export function hostd_init(): void {
  wait_queue_init(mail_queue(), "hostd");
  if (request_irq(IRQ_MAILBOX, mailbox_interrupt, IRQF_PERCPU, "mailbox", 0)) panic("no memory for the mailbox's line");
}

/** The host may have written to the mailbox; it raises the line on many CPUs, and the first to look does the work. */
function mailbox_interrupt(line: i32, device: usize): i32 {
  if (requested()) wake_up(mail_queue());
  return IRQ_HANDLED;
}

/** Starts hostd as a child of the caller; gives its pid. What an earlier one was at when it ended has failed. */
export function hostd_start(): i32 {
  if (requested() && atomic.load<i32>(HOSTD, BUSY)) {
    store<i32>(MACHINE, -EFAULT, MACHINE_MAIL_STATUS);
    answer();
  }
  const thread = kthread_run(hostd_main, 0, "hostd", ANY_CPU);
  if (!changetype<usize>(thread)) panic("no memory for hostd");
  set_flag(thread, TF_URGENT);
  return thread.pid;
}

/** STATUS and the answer's bytes are there. */
@notrace function answer(): void {
  atomic.store<i32>(HOSTD, 0, BUSY);
  atomic.store<i32>(MACHINE, MAIL_DONE, MACHINE_MAIL_STATE); // release; pairs with the host's wait
  atomic.notify(MACHINE + MACHINE_MAIL_STATE, 1);
}

@sleeps function hostd_main(argument: i32): i32 {
  while (!kthread_should_stop()) {
    prepare_to_wait(mail_queue(), TASK_INTERRUPTIBLE);
    if (!requested()) schedule();
    finish_wait(mail_queue());
    if (!requested()) continue;
    atomic.store<i32>(HOSTD, 1, BUSY);
    const op = load<i32>(MACHINE, MACHINE_MAIL_OP);
    const known = <u32>op < <u32>OPERATIONS.length;
    const status = known
      ? unchecked(OPERATIONS[op])(load<i32>(MACHINE, MACHINE_MAIL_ARG), load<i32>(MACHINE, MACHINE_MAIL_LENGTH))
      : -ENOSYS;
    store<i32>(MACHINE, status, MACHINE_MAIL_STATUS);
    answer();
  }
  return 0;
}

function host_nothing(argument: i32, length: i32): i32 {
  return -EINVAL;
}

/** Path in the mailbox → at most a mailbox of bytes from offset `argument`; 0 at the end. */
function host_read(argument: i32, length: i32): i32 {
  const file = open_path(MAILBOX, length, O_RDONLY | O_NONBLOCK);
  if (is_error(changetype<usize>(file))) return <i32>changetype<usize>(file);
  file.position = argument;
  // A terminal would keep hostd waiting for somebody to type.
  const got = file.kind == FILE_TTY ? -EINVAL : vfs_read(file, MAILBOX, MAILBOX_SIZE);
  put_file(file);
  return got;
}

/** Path, zero, bytes in the mailbox, written as `>` does, or with `argument` as `>>`: how many were taken. */
function host_write(argument: i32, length: i32): i32 {
  let end = 0;
  while (end < length && load<u8>(MAILBOX + end)) end++;
  if (end >= length) return -EINVAL;
  const file = open_path(MAILBOX, end, O_WRONLY | O_CREAT | O_NONBLOCK | (argument ? O_APPEND : O_TRUNC));
  if (is_error(changetype<usize>(file))) return <i32>changetype<usize>(file);
  const put = file.kind == FILE_TTY ? -EINVAL : vfs_write(file, MAILBOX + end + 1, length - end - 1);
  put_file(file);
  return put;
}

function host_spawn(argument: i32, length: i32): i32 {
  return spawn(MAILBOX, length, argument);
}

/** Wait status of child `argument`, or -EAGAIN while it runs: the host then waits on MACHINE_REAPABLE. */
function host_wait(argument: i32, length: i32): i32 {
  const pid = wait_for_child(argument, MAILBOX, WNOHANG);
  return pid == 0 ? -EAGAIN : pid < 0 ? pid : load<i32>(MAILBOX);
}

@sleeps function host_selftest(argument: i32, length: i32): i32 {
  const runner = load<i32>(SELFTEST);
  return runner ? call_indirect<i32>(runner, argument) : -ENOSYS;
}

/** Findings in the mailbox; gives their length. */
function host_audit(argument: i32, length: i32): i32 {
  return <i32>(audit(MAILBOX) - MAILBOX);
}

function host_kill(argument: i32, length: i32): i32 {
  return kill((argument << 8) >> 8, argument >>> 24);
}

function host_cpu(argument: i32, length: i32): i32 {
  return argument & CPU_UP ? cpu_up(argument & ~CPU_UP) : cpu_down(argument);
}
