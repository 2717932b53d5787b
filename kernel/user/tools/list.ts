/**
 * The names in a directory, in order, and ls, which lists them.
 *
 * A program has no heap: the least names behind the last, as many as there is room for, are kept from each time that the
 * directory is gone through. So names that come and go meanwhile harm nothing, and each that stays is met once.
 */
import {
  DIRENT_LENGTH, DIRENT_NAME, DIRENT_NAME_LENGTH, O_DIRECTORY, O_RDONLY, PATHS_FIRST, PATHS_FIRST_LENGTH, PATHS_SECOND, PATHS_SECOND_LENGTH, PATHS_SIZE,
  STAT_BYTES, STAT_GID, STAT_LINKS, STAT_MODE, STAT_MTIME, STAT_SIZE, STAT_UID, SYS_GETDENTS, SYS_LSTAT, SYS_READLINK, S_IFDIR, S_IFLNK, S_IFMT, S_ISVTX,
} from "../../abi";
import { BUFFER, BUFFER_SIZE, close, open, raw } from "../lib";
import { arg } from "../process";
import { begin, has_option, misused, take_options } from "../options";
import { complain, copy, flush, length_of, put, put_byte, put_bytes, put_number, put_zero_ended } from "../text";

/** Longest path that a tool makes, with its zero. */
export const PATH_ROOM = 512;
const NAME_ROOM = 256;
/** What next_name() found, zero-ended. */
export const NAME: usize = memory.data(256);
/** Names that come next, in order, each with its zero; how many bytes of them there are, and were given. */
const KEPT: usize = memory.data(4096);
const KEPT_ROOM = 4096;
const KEPT_BYTES: usize = memory.data(4);
const GIVEN: usize = memory.data(4);
/** The directory that they are of, and the last of them that was given. */
const KEPT_OF: usize = memory.data(512);
const LAST: usize = memory.data(256);
/** The least name for which there was no room, or none. */
const BEYOND: usize = memory.data(256);
const STAT: usize = memory.data(STAT_SIZE);
const PATHS: usize = memory.data(PATHS_SIZE);
/** The path that a tool is at. */
export const PATH: usize = memory.data(512);
/** Text of the link that is shown. */
const LINKED: usize = memory.data(256);

/** Each name is a line of its own anyway: -1 changes nothing. */
const LETTERS = "ald1";
const ALL = 0;
const LONG = 1;
const ITSELF = 2;

/** Less than 0, 0 or more, as the texts at `a` and `b` are in order. */
function compare(a: usize, b: usize): i32 {
  for (; load<u8>(a) && load<u8>(a) == load<u8>(b); a++) b++;
  return <i32>load<u8>(a) - <i32>load<u8>(b);
}

/** `.` or `..` */
function is_dots(name: usize): bool {
  return load<u8>(name) == 46 && (!load<u8>(name + 1) || (load<u8>(name + 1) == 46 && !load<u8>(name + 2)));
}

/**
 * Puts a directory's next name behind NAME into NAME: gives its length, 0 at the end, or -errno. `first` begins anew;
 * `dots` lists the directory itself and the one above too.
 */
export function next_name(path: usize, first: bool, dots: bool): i32 {
  const goes_on = !first && !compare(path, KEPT_OF) && !compare(NAME, LAST);
  if (!goes_on || load<i32>(GIVEN) == load<i32>(KEPT_BYTES)) {
    const error = fill(path, first, dots);
    if (error < 0) return error;
  }
  const given = load<i32>(GIVEN);
  if (given == load<i32>(KEPT_BYTES)) return 0;
  copy(NAME, KEPT + given);
  copy(LAST, NAME);
  store<i32>(GIVEN, given + length_of(NAME) + 1);
  return length_of(NAME);
}

/** Keeps the least names behind NAME, or of all: 0 or -errno. */
function fill(path: usize, first: bool, dots: bool): i32 {
  store<i32>(KEPT_BYTES, 0);
  store<i32>(GIVEN, 0);
  store<u8>(BEYOND, 0);
  const fd = open(path, length_of(path), O_RDONLY | O_DIRECTORY);
  if (fd < 0) return fd;
  copy(KEPT_OF, path);
  let got = raw(SYS_GETDENTS, fd, <i32>BUFFER, BUFFER_SIZE);
  for (; got > 0; got = raw(SYS_GETDENTS, fd, <i32>BUFFER, BUFFER_SIZE)) {
    for (let at = BUFFER; at < BUFFER + got; at += load<u16>(at, DIRENT_LENGTH)) {
      const name = at + DIRENT_NAME;
      if ((dots || !is_dots(name)) && (first || compare(name, NAME) > 0)) keep(name);
    }
  }
  close(fd);
  return got;
}

/** Puts a name in its place among those kept; the greatest go where there is no room. */
function keep(name: usize): void {
  if (load<u8>(BEYOND) && compare(name, BEYOND) >= 0) return;
  let end = KEPT + load<i32>(KEPT_BYTES);
  let place = KEPT;
  while (place < end && compare(place, name) < 0) place += length_of(place) + 1;
  const bytes = length_of(name) + 1;
  while (end > place && end + bytes > KEPT + KEPT_ROOM) {
    end--;
    while (end > place && load<u8>(end - 1)) end--;
    copy(BEYOND, end);
  }
  if (end + bytes > KEPT + KEPT_ROOM) copy(BEYOND, name);
  else {
    memory.copy(place + bytes, place, end - place);
    copy(place, name);
    end += bytes;
  }
  store<i32>(KEPT_BYTES, <i32>(end - KEPT));
}

/** Fills STAT with what a path itself is: 0 or -errno. */
function look(path: usize): i32 {
  return raw(SYS_LSTAT, <i32>path, length_of(path), <i32>STAT);
}

function kind(): i32 {
  return load<i32>(STAT, STAT_MODE) & S_IFMT;
}

/** Whether there is a directory at `path`; a link to one is none. */
export function is_directory(path: usize): bool {
  return !look(path) && kind() == S_IFDIR;
}

export function ls(argument: i32): i32 {
  const usage = "ls [-a] [-l] [-d] [-1] [PATH...]";
  const count = begin(usage);
  if (!count) return 0;
  const first = take_options(usage, count, LETTERS);
  if (first < 0) return 2;
  let status = 0;
  for (let i = first; i < max(count, first + 1); i++) {
    if (i >= count) copy_dot();
    else if (length_of(arg(i)) >= PATH_ROOM - NAME_ROOM) return misused(usage);
    else copy(PATH, arg(i));
    if (count > first + 1 && !has_option(ITSELF)) put_heading(i > first);
    const error = list_path();
    if (error < 0) status = complain("ls", PATH, error);
  }
  return flush() ? status : 1;
}

function copy_dot(): void {
  store<u8>(PATH, 46);
  store<u8>(PATH + 1, 0);
}

/** With several paths each is named before its entries. */
function put_heading(blank: bool): void {
  if (look(PATH) || kind() != S_IFDIR) return;
  if (blank) put("\n");
  put_zero_ended(PATH);
  put(":\n");
}

/** Lists PATH: 0 or -errno. */
function list_path(): i32 {
  const length = length_of(PATH);
  const error = look(PATH);
  if (error < 0) return error;
  const slash = length > 0 && load<u8>(PATH + length - 1) == 47;
  // A link is followed unless it is to be shown.
  if (has_option(ITSELF) || (kind() != S_IFDIR && (kind() != S_IFLNK || (has_option(LONG) && !slash)))) {
    put_entry(PATH);
    return 0;
  }
  let name = next_name(PATH, true, has_option(ALL));
  for (; name > 0; name = next_name(PATH, false, has_option(ALL))) {
    if (load<u8>(NAME) == 46 && !has_option(ALL)) continue;
    if (!slash) store<u8>(PATH + length, 47);
    copy(PATH + length + (slash ? 0 : 1), NAME);
    const gone = has_option(LONG) ? look(PATH) : 0;
    if (!gone) put_entry(NAME);
    store<u8>(PATH + length, 0);
  }
  if (name >= 0 || kind() == S_IFDIR) return name;
  put_entry(PATH); // a link to a file
  return 0;
}

/** A line about what STAT describes and PATH names; `name` is how it is shown. */
function put_entry(name: usize): void {
  if (has_option(LONG)) {
    put_mode(load<i32>(STAT, STAT_MODE));
    put_number(load<i32>(STAT, STAT_LINKS), 3);
    put(" ");
    put_owner(load<i32>(STAT, STAT_UID));
    put_owner(load<i32>(STAT, STAT_GID));
    put_number(load<i32>(STAT, STAT_BYTES), 8);
    put_number(load<i32>(STAT, STAT_MTIME), 7);
    put(" ");
  }
  put_zero_ended(name);
  if (has_option(LONG) && kind() == S_IFLNK) put_target();
  put("\n");
}

function put_owner(id: i32): void {
  if (id == 0) put("root ");
  else {
    put_number(id, 4);
    put(" ");
  }
}

/** The text of the link at PATH. */
function put_target(): void {
  store<u32>(PATHS, <u32>PATH, PATHS_FIRST);
  store<i32>(PATHS, length_of(PATH), PATHS_FIRST_LENGTH);
  store<u32>(PATHS, <u32>LINKED, PATHS_SECOND);
  store<i32>(PATHS, NAME_ROOM, PATHS_SECOND_LENGTH);
  const bytes = raw(SYS_READLINK, <i32>PATHS, 0, 0);
  if (bytes < 0) return;
  put(" -> ");
  put_bytes(LINKED, bytes);
}

/** Letters of the kinds, at S_IFMT >> 12: pipe, device, directory, file, link. */
const KINDS = "?pc?d???-?l?????";
const RIGHTS = "rwx";

function put_mode(mode: i32): void {
  put_byte(<u8>KINDS.charCodeAt((mode & S_IFMT) >>> 12));
  for (let bit = 8; bit > 0; bit--) put_byte(mode & (1 << bit) ? <u8>RIGHTS.charCodeAt((8 - bit) % 3) : 45);
  const runs = (mode & 1) != 0;
  put_byte(mode & S_ISVTX ? (runs ? 116 : 84) : runs ? 120 : 45); // t T x -
}
