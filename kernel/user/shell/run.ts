/**
 * Running a line: lists and pipelines of programs, and what the shell does itself.
 *
 * Status codes are a shell's: the program's own, 128 + n for signal n, 127 for what is not there, 126 for what cannot
 * be run, 2 for a line that makes no sense.
 */
import { EACCES, ENOENT, SIGINT, SIGKILL, SIGPIPE, SIGSEGV, SIGTERM, SYS_IOCTL, TIOCSPGRP } from "../../abi";
import { close, exit, getpid, pipe, raw } from "../lib";
import { parse, plan, spawn_planned, wait_for } from "../process";
import { begin_error, copy, end_error, flush, length_of, literal, put, put_zero_ended, same } from "../text";
import { assign, interactive, last_status, name_length, set_background, set_status } from "./state";
import {
  FROM_PARENT, OP_AND, OP_BACKGROUND, OP_END, OP_OR, OP_PIPE, SAME_AS_ERROR, SAME_AS_OUTPUT, WORDS, close_redirections, error, input, operator, output,
  read_command, redirection_failed, rewind, words, words_length,
} from "./words";
import { change_directory } from "./directory";

const FDS: usize = memory.data(8);
const STATUS: usize = memory.data(4);
const PATH: usize = memory.data(256);
const MAX_STAGES = 16;
const PIDS: usize = memory.data(64);
const BIN = "/bin/";
const BIN_LENGTH = 5;
let stages = 0;

/** Runs what LINE holds. */
export function run_line(): void {
  rewind(true);
  let sensible = read_command(true);
  while (sensible && operator != OP_END) sensible = read_command(true);
  if (!sensible) {
    begin_error();
    put("sh: syntax error");
    end_error();
    return set_status(2);
  }
  rewind(false);
  let skip = false;
  do {
    run_pipeline(skip);
    skip = operator == OP_AND ? last_status != 0 : operator == OP_OR ? last_status == 0 : false;
  } while (operator != OP_END);
}

function run_pipeline(skip: bool): void {
  let from = FROM_PARENT;
  let group = interactive ? 0 : -1;
  stages = 0;
  do {
    read_command(skip);
    let to = FROM_PARENT;
    if (!skip && operator == OP_PIPE) to = pipe(FDS) == 0 ? load<i32>(FDS, 4) : FROM_PARENT;
    if (!skip) {
      const pid = redirection_failed() ? fail(1) : start(from, to, group);
      if (pid > 0) {
        if (group == 0) group = foreground(pid);
        if (stages < MAX_STAGES) store<i32>(PIDS + (<usize>stages << 2), pid);
        stages = min(stages + 1, MAX_STAGES);
      }
    }
    close_redirections();
    if (from >= 0) close(from);
    if (to >= 0) close(to);
    from = to >= 0 ? load<i32>(FDS) : FROM_PARENT;
  } while (operator == OP_PIPE);
  if (stages && operator == OP_BACKGROUND) {
    set_background(load<i32>(PIDS + (<usize>(stages - 1) << 2)));
    set_status(0);
  } else if (stages) wait_for_stages();
  if (interactive && stages) foreground(getpid());
}

function fail(status: i32): i32 {
  set_status(status);
  return 0;
}

/** Makes a group the terminal's foreground; gives it. */
function foreground(group: i32): i32 {
  raw(SYS_IOCTL, 0, TIOCSPGRP, group);
  return group;
}

/** Waits for the pipeline; its status is that of its last program, unless that one could not be started. */
function wait_for_stages(): void {
  const started_last = last_status != 127 && last_status != 126;
  for (let i = 0; i < stages; i++) {
    const pid = load<i32>(PIDS + (<usize>i << 2));
    if (wait_for(pid, STATUS, 0) == pid && i == stages - 1 && started_last) set_status(status_of(load<i32>(STATUS)));
  }
  if (interactive && started_last) tell_death(load<i32>(STATUS) & 127);
}

/** Says what ended a program, unless whoever types did. */
function tell_death(signal: i32): void {
  if (!signal || signal == SIGINT || signal == SIGPIPE) return;
  begin_error();
  put(signal == SIGSEGV ? "Segmentation fault" : signal == SIGKILL ? "Killed" : signal == SIGTERM ? "Terminated" : "Ended by a signal");
  end_error();
}

function status_of(status: i32): i32 {
  return status & 127 ? 128 + (status & 127) : status >> 8;
}

/** Starts the command, or does it here; gives a pid, or 0 when it is done or could not be started. */
function start(from: i32, to: i32, group: i32): i32 {
  if (words == 0) return fail(0);
  if (words == 1 && name_length(WORDS) && load<u8>(WORDS + name_length(WORDS)) == 61) return fail(assign(WORDS) ? 0 : 1);
  if (stages == 0 && operator != OP_PIPE && built_in()) return 0;
  const out = output >= 0 ? output : to >= 0 ? to : 1;
  const err = error >= 0 ? error : error == SAME_AS_OUTPUT ? out : 2;
  plan(WORDS, words_length, input >= 0 ? input : from >= 0 ? from : 0, output == SAME_AS_ERROR ? err : out, err, group);
  const pid = spawn_planned(PATH, path_of(WORDS));
  if (pid > 0) return fail(0) + pid;
  begin_error();
  put("sh: ");
  put_zero_ended(WORDS);
  put(pid == -ENOENT ? ": not found" : pid == -EACCES ? ": Permission denied" : ": cannot be started");
  end_error();
  return fail(pid == -ENOENT ? 127 : 126);
}

/** The program's path: in /bin unless it is a path already. */
function path_of(word: usize): i32 {
  const length = length_of(word);
  if (length + BIN_LENGTH >= 256) return literal("/bin/-", PATH);
  for (let i = 0; i < length; i++) if (load<u8>(word + i) == 47) return copy(PATH, word);
  return literal(BIN, PATH) + copy(PATH + BIN_LENGTH, word);
}

/** What only the shell itself can do; false for what is a program. */
function built_in(): bool {
  const second = words > 1 ? WORDS + length_of(WORDS) + 1 : 0;
  if (same(WORDS, "cd")) set_status(change_directory(second));
  else if (same(WORDS, "exit")) leave(second);
  else if (same(WORDS, "wait")) wait_for_background(second);
  else if (same(WORDS, "export")) set_status(!second || assign(second) ? 0 : 1);
  else if (same(WORDS, ":") || (same(WORDS, "true") && !second)) set_status(0);
  else if (same(WORDS, "false") && !second) set_status(1); // their --help is the programs'
  else if (same(WORDS, "help")) show_help();
  else return false;
  return true;
}

function show_help(): void {
  put("sh itself knows: cd [DIRECTORY], exit [STATUS], export NAME=VALUE, help, wait [PID], and :\n");
  put("All else is a program of /bin, by name, or any other by its path; each answers --help.\n");
  set_status(flush() ? 0 : 1);
}

function leave(code: usize): void {
  exit(code ? parse(code) : last_status);
}

/** Waits for a pid, or for every child. */
function wait_for_background(pid: usize): void {
  if (pid) {
    const number = parse(pid);
    return set_status(number > 0 && wait_for(number, STATUS, 0) == number ? status_of(load<i32>(STATUS)) : 127);
  }
  while (wait_for(-1, STATUS, 0) > 0) continue;
  set_status(0);
}
