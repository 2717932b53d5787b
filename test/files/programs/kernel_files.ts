/** What the kernel's own files say and take. */
import { EACCES, EINVAL, EIO, EISDIR, ENOENT, O_RDONLY, O_WRONLY, R_OK, SEEK_SET, SIGKILL } from "../../../kernel/abi";
import { BUFFER, close, kill, nanosleep, read, spawn, wait } from "../../../kernel/user/lib";
import { ROOM, access, become, get, getdents, holds, lseek, open, readlink, room_is, set, stat } from "./calls";

/** Whether a file begins with `text`, and goes on. */
function begins(path: string, text: string): bool {
  const got = get(path);
  return got > text.length && room_is_prefix(text);
}
function room_is_prefix(text: string): bool {
  for (let i = 0; i < text.length; i++) if (load<u8>(ROOM + i) != <u8>text.charCodeAt(i)) return false;
  return true;
}

export function own_files(argument: i32): i32 {
  if (!holds("/proc/self/comm", "own_files\n") || !begins("/proc/self/status", "Name:\town_files\nState:\tR (running)\n")) return 1;
  if (!holds("/proc/self/patch_state", "-1\n") || !holds("/proc/self/kgr_in_progress", "0\n")) return 2;
  if (!room_is(readlink("/proc/self/cwd"), "/") || readlink("/proc/self/fd/0") != -ENOENT) return 3;
  const fd = open("/etc/passwd", O_RDONLY);
  if (fd != 0 || !room_is(readlink("/proc/self/fd/0"), "/etc/passwd") || close(fd)) return 4;
  return stat("/proc/self/task") || get("/proc/self") != -EISDIR || get("/proc/999999/stat") != -ENOENT || get("/proc/01x") != -ENOENT ? 5 : 0;
}

/** A task that goes while its file is open. */
export function file_of_the_dead(argument: i32): i32 {
  const child = spawn("sleeper", 1000000);
  nanosleep(1000);
  const listed = count_entries("/proc");
  kill(child, SIGKILL);
  wait(child, 0);
  return listed > 0 && count_entries("/proc") < listed ? 0 : 1;
}

function count_entries(path: string): i32 {
  const fd = open(path, O_RDONLY);
  if (fd < 0) return fd;
  let entries = 0;
  while (true) {
    const got = getdents(fd, 200);
    if (got <= 0) break;
    for (let at = 0; at < got; at += load<u16>(ROOM + at, 4)) entries++;
  }
  close(fd);
  return entries;
}

export function one_moment(argument: i32): i32 {
  const fd = open("/proc/stat", O_RDONLY);
  if (read(fd, BUFFER, 10) != 10 || read(fd, BUFFER, 1) != 1 || lseek(fd, 0, SEEK_SET) != 0 || read(fd, BUFFER, 4) != 4) return 1;
  return close(fd) || load<u32>(BUFFER) != 0x20757063 ? 2 : 0; // "cpu "
}

export function system_controls(argument: i32): i32 {
  if (!holds("/proc/sys/kernel/panic_on_oops", "0\n") || set("/proc/sys/kernel/panic_on_oops", "1\n") || !holds("/proc/sys/kernel/panic_on_oops", "1\n")) return 1;
  if (set("/proc/sys/kernel/panic_on_oops", "2\n") != -EINVAL || set("/proc/sys/kernel/panic_on_oops", "x") != -EINVAL || set("/proc/sys/kernel/panic_on_oops", "0")) return 2;
  if (set("/proc/sys/kernel/pid_max", "300\n") != -EINVAL || set("/proc/sys/kernel/modules_disabled", "0\n") != -EINVAL) return 3;
  if (set("/proc/sys/kernel/hostname", "elsewhere\n") || !holds("/proc/sys/kernel/hostname", "elsewhere\n") || set("/proc/sys/kernel/hostname", "wlp")) return 4;
  if (set("/proc/sys/kernel/ftrace_enabled", "0") || set("/proc/sys/kernel/ftrace_enabled", "1")) return 5;
  if (open("/proc/uptime", O_WRONLY) >= 0 && set("/proc/uptime", "1") != -EIO) return 6;
  return become(1000) || open("/proc/sys/kernel/pid_max", O_WRONLY) != -EACCES || get("/proc/1/stack") != -EACCES || access("/proc/1/stat", R_OK) ? 7 : 0;
}

export function devices_tree(argument: i32): i32 {
  if (!begins("/sys/devices/system/cpu/online", "0") || !holds("/sys/devices/system/cpu/cpu0/online", "1\n")) return 1;
  return stat("/sys/kernel/livepatch") || stat("/sys/module") || stat("/sys/kernel/tracing") || get("/sys/kernel") != -EISDIR ? 2 : 0;
}
