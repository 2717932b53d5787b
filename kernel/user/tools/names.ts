/**
 * Tools that make, remove and rename names: mkdir, rmdir, rm, mv, ln, and pwd, which says where one is.
 */
import {
  EEXIST, ENOENT, PATHS_FIRST, PATHS_FIRST_LENGTH, PATHS_SECOND, PATHS_SECOND_LENGTH, PATHS_SIZE, SYS_GETCWD, SYS_MKDIR, SYS_RENAME, SYS_RMDIR, SYS_SYMLINK,
  SYS_UNLINK,
} from "../../abi";
import { BUFFER, BUFFER_SIZE, raw } from "../lib";
import { arg } from "../process";
import { begin, has_option, misused, take_options } from "../options";
import { complain, copy, flush, length_of, put, put_bytes } from "../text";
import { NAME, PATH, PATH_ROOM, is_directory, next_name } from "./list";

const PATHS: usize = memory.data(PATHS_SIZE);

export function pwd(argument: i32): i32 {
  const usage = "pwd";
  const count = begin(usage);
  if (!count) return 0;
  if (take_options(usage, count) < 0) return 1;
  const bytes = raw(SYS_GETCWD, <i32>BUFFER, BUFFER_SIZE, 0);
  if (bytes < 0) return complain("pwd", 0, bytes);
  put_bytes(BUFFER, bytes);
  put("\n");
  return flush() ? 0 : 1;
}

export function mkdir(argument: i32): i32 {
  const usage = "mkdir [-p] DIRECTORY...";
  const count = begin(usage);
  if (!count) return 0;
  const first = take_options(usage, count, "p");
  if (first < 0) return 1;
  const parents = has_option(0);
  if (first >= count) return misused(usage);
  let status = 0;
  for (let i = first; i < count; i++) {
    const error = parents ? make_all(arg(i)) : make(arg(i), length_of(arg(i)));
    if (error < 0) status = complain("mkdir", arg(i), error);
  }
  return status;
}

function make(path: usize, length: i32): i32 {
  return raw(SYS_MKDIR, <i32>path, length, 0o777);
}

/** The directory with those above it; what is there already is left. */
function make_all(path: usize): i32 {
  const length = length_of(path);
  for (let end = 1; end < length; end++) {
    if (load<u8>(path + end) != 47) continue;
    const error = make(path, end);
    if (error < 0 && error != -EEXIST) return error;
  }
  const error = make(path, length);
  return error == -EEXIST && is_directory(path) ? 0 : error;
}

export function rmdir(argument: i32): i32 {
  const usage = "rmdir DIRECTORY...";
  const count = begin(usage);
  if (!count) return 0;
  const first = take_options(usage, count);
  if (first < 0) return 1;
  if (first >= count) return misused(usage);
  let status = 0;
  for (let i = first; i < count; i++) {
    const error = raw(SYS_RMDIR, <i32>arg(i), length_of(arg(i)), 0);
    if (error < 0) status = complain("rmdir", arg(i), error);
  }
  return status;
}

const RECURSIVE = 0;
const FORCED = 1;

export function rm(argument: i32): i32 {
  const usage = "rm [-r] [-f] FILE...";
  const count = begin(usage);
  if (!count) return 0;
  const first = take_options(usage, count, "rf");
  if (first < 0) return 1;
  const forced = has_option(FORCED);
  if (first >= count) return forced ? 0 : misused(usage);
  let status = 0;
  for (let i = first; i < count; i++) {
    const length = length_of(arg(i));
    if (length >= PATH_ROOM) {
      status = misused(usage);
      continue;
    }
    copy(PATH, arg(i));
    const error = remove(length);
    if (error < 0 && !(error == -ENOENT && forced)) status = complain("rm", PATH, error);
  }
  return status;
}

/** Removes what PATH names, `length` bytes of it: 0 or -errno, with PATH at what could not be removed. */
function remove(length: i32): i32 {
  if (!has_option(RECURSIVE) || !is_directory(PATH)) return raw(SYS_UNLINK, <i32>PATH, length, 0);
  // Each round removes the first name that is there, so nothing is missed while names go.
  for (let name = next_name(PATH, true, false); name > 0; name = next_name(PATH, true, false)) {
    if (length + 1 + name >= PATH_ROOM) return -ENOENT;
    store<u8>(PATH + length, 47);
    copy(PATH + length + 1, NAME);
    const error = remove(length + 1 + name);
    if (error < 0) return error;
    store<u8>(PATH + length, 0);
  }
  return raw(SYS_RMDIR, <i32>PATH, length, 0);
}

/** A call with two paths. */
function with_two(call: i32, first: usize, second: usize): i32 {
  store<u32>(PATHS, <u32>first, PATHS_FIRST);
  store<i32>(PATHS, length_of(first), PATHS_FIRST_LENGTH);
  store<u32>(PATHS, <u32>second, PATHS_SECOND);
  store<i32>(PATHS, length_of(second), PATHS_SECOND_LENGTH);
  return raw(call, <i32>PATHS, 0, 0);
}

export function mv(argument: i32): i32 {
  const usage = "mv FROM TO";
  const count = begin(usage);
  if (!count) return 0;
  const first = take_options(usage, count);
  if (first < 0) return 1;
  if (count != first + 2) return misused(usage);
  const error = with_two(SYS_RENAME, arg(first), arg(first + 1));
  return error < 0 ? complain("mv", arg(first), error) : 0;
}

export function ln(argument: i32): i32 {
  const usage = "ln -s TEXT LINK";
  const count = begin(usage);
  if (!count) return 0;
  const first = take_options(usage, count, "s");
  if (first < 0) return 1;
  if (count != first + 2 || !has_option(0)) return misused(usage);
  const error = with_two(SYS_SYMLINK, arg(first), arg(first + 1));
  return error < 0 ? complain("ln", arg(first + 1), error) : 0;
}
