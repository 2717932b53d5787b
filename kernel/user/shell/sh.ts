/**
 * sh: the shell. `sh -c LINE` runs a line, `sh FILE` a file of lines, `sh` what it is told.
 *
 * It has words, quotes, $NAME, $?, $$, $!, `;`, `&&`, `||`, pipes, `&`, redirections and comments; no loops and no functions.
 */
import { O_RDONLY, SIGINT, SIG_IGN, SYS_IOCTL, TCGETS, TCSETS, TTY_ECHO, WNOHANG } from "../../abi";
import { open, raw, read } from "../lib";
import { arg, signal, wait_for } from "../process";
import { begin, has_option, misused, option_value, take_options } from "../options";
import { complain, copy, length_of } from "../text";
import { edit_line } from "./edit";
import { run_line } from "./run";
import { last_status, set_interactive } from "./state";
import { LINE, LINE_SIZE } from "./words";

const STATUS: usize = memory.data(4);
const USAGE = "sh [-c LINE | FILE]";

export function sh(argument: i32): i32 {
  const count = begin(USAGE);
  if (count == 0) return 0;
  const first = take_options(USAGE, count, "c:");
  if (first < 0 || count > first + 1) return first < 0 ? 2 : misused(USAGE);
  if (has_option(0)) {
    if (length_of(option_value) >= LINE_SIZE || first < count) return misused(USAGE);
    copy(LINE, option_value);
    run_line();
    return last_status;
  }
  if (first < count) {
    const file = open(arg(first), length_of(arg(first)), O_RDONLY);
    if (file < 0) {
      complain("sh", arg(first), file);
      return 127;
    }
    return run_lines(file);
  }
  const mode = raw(SYS_IOCTL, 0, TCGETS, 0);
  return mode >= 0 && mode & TTY_ECHO ? converse(mode) : run_lines(0);
}

function run_lines(file: i32): i32 {
  while (read_line(file)) {
    run_line();
    reap();
  }
  return last_status;
}

/** A line without its newline; false at the end. What does not fit is cut. */
function read_line(file: i32): bool {
  let length = 0;
  let got = 0;
  while (length < LINE_SIZE - 1) {
    got = read(file, LINE + length, 1);
    if (got <= 0 || load<u8>(LINE + length) == 10) break;
    length++;
  }
  store<u8>(LINE + length, 0);
  return got > 0 || length > 0;
}

/** With somebody at the terminal, which is raw while a line is edited. */
function converse(mode: i32): i32 {
  set_interactive(true);
  signal(SIGINT, SIG_IGN);
  while (true) {
    raw(SYS_IOCTL, 0, TCSETS, 0);
    const length = edit_line();
    raw(SYS_IOCTL, 0, TCSETS, mode);
    if (length < 0) return last_status;
    run_line();
    reap();
  }
}

/** Background jobs that ended. */
function reap(): void {
  while (wait_for(-1, STATUS, WNOHANG) > 0) continue;
}
