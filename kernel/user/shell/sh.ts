/**
 * sh: the shell. `sh -c LINE` runs a line, `sh FILE` a file of lines, `sh` what it is told.
 *
 * It has words, quotes, $NAME, $?, $$, $!, `;`, `&&`, `||`, pipes, `&`, redirections and comments; no loops and no functions.
 */
import { O_RDONLY, SIGINT, SIG_IGN, SYS_IOCTL, TCGETS, TCSETS, TTY_ECHO, WNOHANG } from "../../abi";
import { open, raw, read } from "../lib";
import { arg, signal, wait_for } from "../process";
import { begin, complain, copy, length_of, misused, same } from "../text";
import { edit_line } from "./edit";
import { run_line } from "./run";
import { last_status, set_interactive } from "./state";
import { LINE, LINE_SIZE } from "./words";

const STATUS: usize = memory.data(4);
const USAGE = "sh [-c LINE | FILE]";

export function sh(argument: i32): i32 {
  const count = begin(USAGE);
  if (count == 0) return 0;
  if (count == 3 && same(arg(1), "-c")) {
    if (length_of(arg(2)) >= LINE_SIZE) return misused(USAGE);
    copy(LINE, arg(2));
    run_line();
    return last_status;
  }
  if (count > 2) return misused(USAGE);
  if (count == 2) {
    const file = open(arg(1), length_of(arg(1)), O_RDONLY);
    if (file < 0) {
      complain("sh", arg(1), file);
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
