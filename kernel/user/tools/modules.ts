/**
 * Tools for kernel modules: insmod, rmmod, lsmod, modprobe. What they say is what kmod says.
 */
import { EAGAIN, EBUSY, EEXIST, EINVAL, ENODEV, ENOENT, ENOEXEC, ENOMEM, EPERM, O_RDONLY, SYS_DELETE_MODULE, SYS_FINIT_MODULE } from "../../abi";
import { BUFFER, BUFFER_SIZE, ascii, close, open, raw, read } from "../lib";
import { arg } from "../process";
import { begin, has_option, misused, take_options } from "../options";
import { begin_error, copy, end_error, flush, length_of, put, put_byte, put_bytes, put_number, put_zero_ended } from "../text";

/** Parameters of the module that is loaded, with spaces between. */
const WORDS: usize = memory.data(1024);
const WORDS_SIZE = 1024;
/** Where modprobe looks. */
const PATH: usize = memory.data(128);
const FOLDER = "/lib/modules/";
const ENDING = ".wasm";
const NAME_MOST = 56;

function put_reason(error: i32): void {
  if (error == -EEXIST) put("File exists");
  else if (error == -ENOEXEC) put("Invalid module format");
  else if (error == -ENOENT) put("Unknown symbol in module");
  else if (error == -EINVAL) put("Invalid parameters");
  else if (error == -ENODEV) put("No such device");
  else if (error == -EBUSY) put("Device or resource busy");
  else if (error == -EPERM) put("Operation not permitted");
  else if (error == -ENOMEM) put("Cannot allocate memory");
  else {
    put("error ");
    put_number(-error);
  }
}

/** The arguments from `first` on as one text; how long it is, -1 when it is too long. */
function join(first: i32, count: i32): i32 {
  let length = 0;
  for (let i = first; i < count; i++) {
    if (length + length_of(arg(i)) + 2 > WORDS_SIZE) return -1;
    if (length) store<u8>(WORDS + length++, 32);
    length += copy(WORDS + length, arg(i));
  }
  return length;
}

/** Loads the module in the file at `path`: 0 or -errno. */
function load_file(path: usize, words: i32): i32 {
  const fd = open(path, length_of(path), O_RDONLY);
  if (fd < 0) return fd;
  const error = raw(SYS_FINIT_MODULE, fd, <i32>WORDS, words);
  close(fd);
  return error;
}

function cannot(tool: string, what: usize, error: i32, quoted: bool): i32 {
  begin_error();
  put(tool);
  put(": ERROR: could not insert ");
  put(quoted ? "'" : "module ");
  put_zero_ended(what);
  put(quoted ? "': " : ": ");
  put_reason(error);
  return end_error();
}

/** Whether there is such a file. */
function is_there(path: usize): bool {
  const fd = open(path, length_of(path), O_RDONLY);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

export function insmod(argument: i32): i32 {
  const usage = "insmod FILE [NAME=VALUE...]";
  const count = begin(usage);
  if (!count) return 0;
  const first = take_options(usage, count);
  if (first < 0) return 1;
  const words = first < count ? join(first + 1, count) : -1;
  if (words < 0) return misused(usage);
  const file = arg(first);
  if (!is_there(file)) {
    begin_error();
    put("insmod: ERROR: could not load module ");
    put_zero_ended(file);
    put(": No such file or directory");
    return end_error();
  }
  const error = load_file(file, words);
  return error < 0 ? cannot("insmod", file, error, false) : 0;
}

/** Unloads a module; complains as rmmod does. */
function remove(tool: string, name: usize): i32 {
  const error = raw(SYS_DELETE_MODULE, <i32>name, length_of(name), 0);
  if (!error) return 0;
  begin_error();
  put(tool);
  put(": ERROR: ");
  if (error == -ENOENT || error == -EAGAIN) {
    put("Module ");
    put_zero_ended(name);
    put(error == -ENOENT ? " is not currently loaded" : " is in use");
  } else {
    put("could not remove module ");
    put_zero_ended(name);
    put(": ");
    put_reason(error);
  }
  return end_error();
}

export function rmmod(argument: i32): i32 {
  const usage = "rmmod MODULE...";
  const count = begin(usage);
  if (!count) return 0;
  const first = take_options(usage, count);
  if (first < 0) return 1;
  if (first >= count) return misused(usage);
  let status = 0;
  for (let i = first; i < count; i++) if (remove("rmmod", arg(i))) status = 1;
  return status;
}

export function modprobe(argument: i32): i32 {
  const usage = "modprobe MODULE [NAME=VALUE...] | modprobe -r MODULE...";
  const count = begin(usage);
  if (!count) return 0;
  const first = take_options(usage, count, "r");
  if (first < 0) return 1;
  if (first >= count) return misused(usage);
  let status = 0;
  if (has_option(0)) {
    for (let i = first; i < count; i++) if (remove("modprobe", arg(i))) status = 1;
    return status;
  }
  const words = join(first + 1, count);
  if (words < 0) return misused(usage);
  const name = arg(first);
  if (length_of(name) > NAME_MOST || !is_there(path_of(name))) {
    begin_error();
    put("modprobe: FATAL: Module ");
    put_zero_ended(name);
    put(" not found in directory /lib/modules");
    return end_error();
  }
  const error = load_file(PATH, words);
  // As modprobe has it: what is loaded already is no fault.
  return error < 0 && error != -EEXIST ? cannot("modprobe", name, error, true) : 0;
}

function path_of(name: usize): usize {
  let length = ascii(FOLDER, PATH);
  length += copy(PATH + length, name);
  length += ascii(ENDING, PATH + length);
  store<u8>(PATH + length, 0);
  return PATH;
}

export function lsmod(argument: i32): i32 {
  const usage = "lsmod";
  const count = begin(usage);
  if (!count) return 0;
  if (take_options(usage, count) < 0) return 1;
  put("Module                  Size  Used by\n");
  const fd = open(PATH, ascii("/proc/modules", PATH), O_RDONLY);
  let length = 0;
  let got = fd < 0 ? 0 : read(fd, BUFFER, BUFFER_SIZE);
  for (; got > 0; got = read(fd, BUFFER + length, BUFFER_SIZE - length)) length += got;
  if (fd >= 0) close(fd);
  for (let at = BUFFER; at < BUFFER + length; ) at = put_line(at, BUFFER + length);
  return flush() ? 0 : 1;
}

/** One line of /proc/modules: name, size and users; gives the start of the next. */
function put_line(at: usize, end: usize): usize {
  let field = 0;
  let start = at;
  for (; at < end && load<u8>(at) != 10; at++) {
    if (load<u8>(at) != 32) continue;
    const length = <i32>(at - start);
    if (field == 0) {
      put_bytes(start, length);
      for (let i = length; i < 19; i++) put(" ");
    } else if (field == 1) {
      for (let i = length; i < 9; i++) put(" ");
      put_bytes(start, length);
    } else if (field == 2) {
      put("  ");
      put_bytes(start, length);
    }
    field++;
    start = at + 1;
  }
  put_byte(10);
  return at + 1;
}
