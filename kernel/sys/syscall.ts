/**
 * System calls: the way in from user code, the table, the way out.
 *
 * Adding a call is a number in abi.ts, a row here, a function and a test. Arguments are three words; results are
 * values or -errno. Entry and exit are safepoints, and the exit delivers signals.
 */
import { COUNTER_SYSCALLS, ENOSYS, ERESTART } from "../abi";
import { count } from "../cpu/percpu";
import { deliver_signals } from "../process/signal";
import { safepoint } from "../sched/core";
import { kgr_task_passes, kgr_task_safe } from "../livepatch/universe";
import { Task, current } from "../sched/task";
import { sys_bench } from "./bench_calls";
import { sys_close, sys_dup, sys_dup2, sys_fstat, sys_ftruncate, sys_getdents, sys_ioctl, sys_lseek, sys_pipe, sys_read, sys_splice, sys_write } from "./file_calls";
import { sys_delete_module, sys_finit_module } from "./module_calls";
import {
  sys_access, sys_chdir, sys_chmod, sys_chown, sys_getcwd, sys_getgid, sys_getuid, sys_lstat, sys_mkdir, sys_open, sys_readlink, sys_rename, sys_rmdir, sys_setgid,
  sys_setuid, sys_stat, sys_symlink, sys_umask, sys_unlink,
} from "./path_calls";
import {
  sys_args, sys_clock, sys_exit, sys_futex, sys_getpid, sys_getppid, sys_gettid, sys_kill, sys_log, sys_nanosleep, sys_signal, sys_spawn, sys_spawnv, sys_thread, sys_wait,
  sys_yield,
} from "./process_calls";

/** Traps when the engine's stack is nearly full: before anything in the kernel has begun, so that only the process pays. */
@external("env", "headroom") declare function headroom(): void;

type Handler = (a: i32, b: i32, c: i32) => i32;

const HANDLERS: StaticArray<Handler> = [
  sys_getpid, // SYS_GETPID
  sys_yield, // SYS_YIELD
  sys_exit, // SYS_EXIT
  sys_spawn, // SYS_SPAWN
  sys_wait, // SYS_WAIT
  sys_nanosleep, // SYS_NANOSLEEP
  sys_kill, // SYS_KILL
  sys_pipe, // SYS_PIPE
  sys_open, // SYS_OPEN
  sys_read, // SYS_READ
  sys_write, // SYS_WRITE
  sys_close, // SYS_CLOSE
  sys_unlink, // SYS_UNLINK
  sys_clock, // SYS_CLOCK
  sys_log, // SYS_LOG
  sys_splice, // SYS_SPLICE
  sys_spawnv, // SYS_SPAWNV
  sys_args, // SYS_ARGS
  sys_getppid, // SYS_GETPPID
  sys_gettid, // SYS_GETTID
  sys_signal, // SYS_SIGNAL
  sys_thread, // SYS_THREAD
  sys_bench, // SYS_BENCH
  sys_stat, // SYS_STAT
  sys_lstat, // SYS_LSTAT
  sys_fstat, // SYS_FSTAT
  sys_lseek, // SYS_LSEEK
  sys_getdents, // SYS_GETDENTS
  sys_mkdir, // SYS_MKDIR
  sys_rmdir, // SYS_RMDIR
  sys_rename, // SYS_RENAME
  sys_symlink, // SYS_SYMLINK
  sys_readlink, // SYS_READLINK
  sys_dup, // SYS_DUP
  sys_dup2, // SYS_DUP2
  sys_chdir, // SYS_CHDIR
  sys_getcwd, // SYS_GETCWD
  sys_chmod, // SYS_CHMOD
  sys_chown, // SYS_CHOWN
  sys_ftruncate, // SYS_FTRUNCATE
  sys_access, // SYS_ACCESS
  sys_umask, // SYS_UMASK
  sys_getuid, // SYS_GETUID
  sys_getgid, // SYS_GETGID
  sys_setuid, // SYS_SETUID
  sys_setgid, // SYS_SETGID
  sys_ioctl, // SYS_IOCTL
  sys_futex, // SYS_FUTEX
  sys_finit_module, // SYS_FINIT_MODULE
  sys_delete_module, // SYS_DELETE_MODULE
];

/** What user code imports as `syscall`. */
@notrace @sleeps export function syscall(nr: i32, a: i32, b: i32, c: i32): i32 {
  headroom();
  current().in_user = 0;
  kgr_task_passes();
  safepoint();
  count(COUNTER_SYSCALLS);
  kgr_task_safe();
  let result = dispatch_syscall(nr, a, b, c);
  while (result == -ERESTART) {
    // A live-patch poke or a stop ended the sleep: the task is at its boundary here, and makes the call again.
    atomic.store<i32>(changetype<usize>(current()), 0, offsetof<Task>("poked"));
    safepoint();
    deliver_signals();
    kgr_task_safe();
    result = dispatch_syscall(nr, a, b, c);
  }
  kgr_task_safe();
  safepoint();
  deliver_signals();
  current().in_user = 1;
  return result;
}

@sleeps export function dispatch_syscall(nr: i32, a: i32, b: i32, c: i32): i32 {
  return <u32>nr < <u32>HANDLERS.length ? unchecked(HANDLERS[nr])(a, b, c) : -ENOSYS;
}

/** What loops of user code call once in a while: they may be interrupted, switched out or killed here. */
@notrace export function user_safepoint(): void {
  headroom();
  kgr_task_safe();
  safepoint();
  deliver_signals();
}
