/**
 * Tools that make, remove and rename names: mkdir, rmdir, rm, mv, ln, and pwd, which says where one is.
 */
import {
  EEXIST, ENOENT, PATHS_FIRST, PATHS_FIRST_LENGTH, PATHS_SECOND, PATHS_SECOND_LENGTH, PATHS_SIZE, SYS_GETCWD, SYS_MKDIR, SYS_RENAME, SYS_RMDIR, SYS_SYMLINK,
  SYS_UNLINK,
} from "../../abi";
import { BUFFER, BUFFER_SIZE, raw } from "../lib";
import { arg } from "../process";
import { begin, complain, copy, flush, length_of, misused, put, put_bytes, same } from "../text";
import { NAME, PATH, PATH_ROOM, is_directory, next_name } from "./list";

const PATHS: usize = memory.data(PATHS_SIZE);

export function pwd(argument: i32): i32 {
  if (!begin("pwd")) return 0;
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
  const parents = count > 1 && same(arg(1), "-p");
  const first = parents ? 2 : 1;
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
  if (count < 2) return misused(usage);
  let status = 0;
  for (let i = 1; i < count; i++) {
    const error = raw(SYS_RMDIR, <i32>arg(i), length_of(arg(i)), 0);
    if (error < 0) status = complain("rmdir", arg(i), error);
  }
  return status;
}

const RECURSIVE = 1;
const FORCED = 2;

export function rm(argument: i32): i32 {
  const usage = "rm [-r] [-f] FILE...";
  const count = begin(usage);
  if (!count) return 0;
  let options = 0;
  let first = 1;
  for (; first < count && load<u8>(arg(first)) == 45; first++) {
    for (let at = arg(first) + 1; load<u8>(at); at++) {
      const letter = load<u8>(at);
      if (letter != 114 && letter != 102) return misused(usage); // r f
      options |= letter == 114 ? RECURSIVE : FORCED;
    }
  }
  if (first >= count) return options & FORCED ? 0 : misused(usage);
  let status = 0;
  for (let i = first; i < count; i++) {
    const length = length_of(arg(i));
    if (length >= PATH_ROOM) {
      status = misused(usage);
      continue;
    }
    copy(PATH, arg(i));
    const error = remove(length, options);
    if (error < 0 && !(error == -ENOENT && options & FORCED)) status = complain("rm", PATH, error);
  }
  return status;
}

/** Removes what PATH names, `length` bytes of it: 0 or -errno, with PATH at what could not be removed. */
function remove(length: i32, options: i32): i32 {
  if (!(options & RECURSIVE) || !is_directory(PATH)) return raw(SYS_UNLINK, <i32>PATH, length, 0);
  // Each round removes the first name that is there, so nothing is missed while names go.
  for (let name = next_name(PATH, true, false); name > 0; name = next_name(PATH, true, false)) {
    if (length + 1 + name >= PATH_ROOM) return -ENOENT;
    store<u8>(PATH + length, 47);
    copy(PATH + length + 1, NAME);
    const error = remove(length + 1 + name, options);
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
  if (count != 3) return misused(usage);
  const error = with_two(SYS_RENAME, arg(1), arg(2));
  return error < 0 ? complain("mv", arg(1), error) : 0;
}

export function ln(argument: i32): i32 {
  const usage = "ln -s TEXT LINK";
  const count = begin(usage);
  if (!count) return 0;
  if (count != 4 || !same(arg(1), "-s")) return misused(usage);
  const error = with_two(SYS_SYMLINK, arg(2), arg(3));
  return error < 0 ? complain("ln", arg(3), error) : 0;
}
