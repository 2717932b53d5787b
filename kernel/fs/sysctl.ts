/**
 * /proc/sys: numbers that can be looked at and set, each within its bounds. A new one is a word in layout.ts, a row in
 * each table, and a test.
 */
import { EINVAL } from "../abi";
import {
  SYSCTLS, SYSCTL_FILE_MAX, SYSCTL_FTRACE_ENABLED, SYSCTL_HOSTNAME, SYSCTL_HOSTNAME_LENGTH, SYSCTL_HOSTNAME_SIZE, SYSCTL_MODULES_DISABLED,
  SYSCTL_PANIC_ON_OOPS, SYSCTL_PID_MAX, SYSCTL_SOFTLOCKUP_PANIC, SYSCTL_TAINTED, SYSCTL_WATCHDOG_SECOND, SYSCTL_WATCHDOG_THRESH,
} from "../layout";
import { taint } from "../lib/taint";
import { parse_number, put_bytes, put_number, put_text, trimmed } from "../lib/text";
import { MAX_PIDS } from "../sched/tasklist";
import { enabled_set } from "../trace/enabled";
import { add_attribute, add_directory } from "./attributes";
import { Inode } from "./inode";

const NAMES: StaticArray<string> = ["tainted", "ftrace_enabled", "panic_on_oops", "modules_disabled", "pid_max", "watchdog_thresh", "softlockup_panic", "file-max"];
const PLACES: StaticArray<i32> = [
  SYSCTL_TAINTED, SYSCTL_FTRACE_ENABLED, SYSCTL_PANIC_ON_OOPS, SYSCTL_MODULES_DISABLED, SYSCTL_PID_MAX, SYSCTL_WATCHDOG_THRESH, SYSCTL_SOFTLOCKUP_PANIC,
  SYSCTL_FILE_MAX];
const DEFAULTS: StaticArray<i32> = [0, 1, 0, 0, MAX_PIDS, 10, 0, 8192];
// What may be written. Modules, once forbidden, stay so.
const LEAST: StaticArray<i32> = [0, 0, 0, 1, 301, 0, 0, 64];
const MOST: StaticArray<i32> = [0x7ffff, 1, 1, 1, MAX_PIDS, 60, 1, 1 << 20];
const TAINTED = 0;
const FTRACE_ENABLED = 1;
/** Rows from here on are in fs, those before in kernel. */
const FIRST_OF_FS = 7;

/** Sets all to their defaults; before the first task, which needs pid_max. */
export function sysctl_init(): void {
  for (let row = 0; row < PLACES.length; row++) store<i32>(SYSCTLS + unchecked(PLACES[row]), unchecked(DEFAULTS[row]));
  store<f64>(SYSCTLS, 1000000000, SYSCTL_WATCHDOG_SECOND);
  store<i32>(SYSCTLS, <i32>(put_text(SYSCTLS + SYSCTL_HOSTNAME, "wlp") - SYSCTLS - SYSCTL_HOSTNAME), SYSCTL_HOSTNAME_LENGTH);
}

/** Fills /proc/sys. */
export function sysctl_files(proc: Inode): void {
  const sys = add_directory(proc, "sys");
  const kernel = add_directory(sys, "kernel");
  const fs = add_directory(sys, "fs");
  for (let row = 0; row < NAMES.length; row++) {
    add_attribute(row < FIRST_OF_FS ? kernel : fs, unchecked(NAMES[row]), 0o644, show_number, store_number, row);
  }
  add_attribute(kernel, "hostname", 0o644, show_hostname, store_hostname, 0);
}

function show_number(at: usize, limit: usize, row: i32): usize {
  return put_text(put_number(at, load<i32>(SYSCTLS + unchecked(PLACES[row]))), "\n");
}

function store_number(row: i32, text: usize, length: i32): i32 {
  const value = parse_number(text, trimmed(text, length));
  if (value < unchecked(LEAST[row]) || value > unchecked(MOST[row])) return -EINVAL;
  const refused = row == FTRACE_ENABLED ? enabled_set(value) : 0;
  if (refused) return refused;
  if (row == TAINTED) taint(value);
  else store<i32>(SYSCTLS + unchecked(PLACES[row]), value);
  return length;
}

function show_hostname(at: usize, limit: usize, subject: i32): usize {
  return put_text(put_bytes(at, SYSCTLS + SYSCTL_HOSTNAME, load<i32>(SYSCTLS, SYSCTL_HOSTNAME_LENGTH)), "\n");
}

/** What is longer than a name may be is cut, as on Linux. */
function store_hostname(subject: i32, text: usize, length: i32): i32 {
  const taken = min(trimmed(text, length), SYSCTL_HOSTNAME_SIZE);
  memory.copy(SYSCTLS + SYSCTL_HOSTNAME, text, taken);
  store<i32>(SYSCTLS, taken, SYSCTL_HOSTNAME_LENGTH);
  return length;
}
