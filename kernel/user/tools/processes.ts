/**
 * Tools for processes: ps, kill.
 */
import { O_RDONLY, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM } from "../../abi";
import { BUFFER, BUFFER_SIZE, ascii, close, decimal, kill as send, open, read } from "../lib";
import { arg, parse } from "../process";
import { begin, misused, take_options } from "../options";
import { begin_error, complain, end_error, flush, put, put_byte, put_number, put_zero_ended, same, starts_with } from "../text";

const PATH: usize = memory.data(32);
const MOST_PIDS = 16384;

export function ps(argument: i32): i32 {
  const usage = "ps";
  const count = begin(usage);
  if (!count) return 0;
  if (take_options(usage, count) < 0) return 1;
  put("  PID S NAME\n");
  for (let pid = 1; pid < MOST_PIDS; pid++) if (read_status(pid)) show(pid);
  return flush() ? 0 : 1;
}

/** /proc/<pid>/status into BUFFER, zero-ended; false when there is no such process. */
function read_status(pid: i32): bool {
  let length = ascii("/proc/", PATH);
  length += decimal(pid, PATH + length);
  length += ascii("/status", PATH + length);
  const fd = open(PATH, length, O_RDONLY);
  if (fd < 0) return false;
  const got = read(fd, BUFFER, BUFFER_SIZE - 1);
  close(fd);
  store<u8>(BUFFER + max(got, 0), 0);
  return got > 0;
}

function show(pid: i32): void {
  put_number(pid, 5);
  put(" ");
  put_byte(load<u8>(field("State:")));
  put(" ");
  for (let at = field("Name:"); load<u8>(at) && load<u8>(at) != 10; at++) put_byte(load<u8>(at));
  put("\n");
}

/** Address of what stands behind `name` and a tab at the start of a line. */
function field(name: string): usize {
  let at = BUFFER;
  while (load<u8>(at) && !starts_with(at, name)) {
    while (load<u8>(at) && load<u8>(at) != 10) at++;
    if (load<u8>(at)) at++;
  }
  while (load<u8>(at) && load<u8>(at) != 9) at++;
  return load<u8>(at) ? at + 1 : at;
}

const USAGE = "kill [-SIGNAL] PID...";

export function kill(argument: i32): i32 {
  const count = begin(USAGE);
  if (!count) return 0;
  const named = count > 1 && load<u8>(arg(1)) == 45;
  const signal = named ? signal_number(arg(1) + 1) : SIGTERM;
  const first = named ? 2 : 1;
  if (signal < 0) {
    begin_error();
    put("kill: ");
    put_zero_ended(arg(1) + 1);
    put(": invalid signal specification");
    return end_error();
  }
  if (first >= count) return misused(USAGE);
  let status = 0;
  for (let i = first; i < count; i++) {
    const negative = load<u8>(arg(i)) == 45;
    const pid = parse(arg(i) + (negative ? 1 : 0));
    if (pid < 0) return misused(USAGE);
    const error = send(negative ? -pid : pid, signal);
    if (error < 0) status = complain("kill", arg(i), error);
  }
  return status;
}

function signal_number(at: usize): i32 {
  if (starts_with(at, "SIG")) at += 3;
  if (same(at, "KILL")) return SIGKILL;
  if (same(at, "TERM")) return SIGTERM;
  if (same(at, "STOP")) return SIGSTOP;
  if (same(at, "CONT")) return SIGCONT;
  if (same(at, "INT")) return SIGINT;
  if (same(at, "HUP")) return SIGHUP;
  return parse(at);
}
