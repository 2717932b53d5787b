/**
 * `trace` and `trace_pipe` as open files, of all CPUs or of one.
 *
 *   File.object ─► page: [Stream | text that was made and not read yet]
 *
 * `trace` ends where the rings ended when its reading began, and is made anew from its beginning. `trace_pipe` takes what
 * it shows, and waits for more: it looks from time to time, because who records may not wake anybody. It ends when
 * tracing was turned off and it has shown something.
 */
import { EAGAIN, EBADF, EFAULT, ENOMEM, O_ACCMODE, O_NONBLOCK, O_WRONLY } from "../abi";
import { clock_ns } from "../cpu/clock";
import { File } from "../fs/handle";
import { PAGE_SIZE } from "../layout";
import { alloc_pages, free_pages } from "../mm/page";
import { copy_to_user } from "../mm/uaccess";
import { sleep_until } from "../sched/timer";
import { Reader, reader_close, reader_open, reader_read, reader_rewind } from "./reader";
import { tracing } from "./state";

/** A file's subject: its CPU, or ALL_CPUS, plus one; and this bit for one that takes. */
export const STREAM_TAKES = 256;
const CPU = 255;
/** How often trace_pipe looks, ns. */
const LOOK_NS: f64 = 10_000_000;

@unmanaged
class Stream {
  reader: Reader;
  /** Bytes of the text, and how many of them were read. */
  bytes: i32;
  read: i32;
}
const TEXT = <usize>offsetof<Stream>();

@inline function stream_of(file: File): Stream {
  return changetype<Stream>(file.object);
}
@inline function takes(file: File): bool {
  return (file.inode.subject & STREAM_TAKES) != 0;
}

export function stream_open(file: File): i32 {
  file.object = 0;
  if ((file.flags & O_ACCMODE) == O_WRONLY) return 0;
  const page = alloc_pages(0);
  if (!page) return -ENOMEM;
  const reader = reader_open((file.inode.subject & CPU) - 1, takes(file));
  if (!changetype<usize>(reader)) {
    free_pages(page, 0);
    return -ENOMEM;
  }
  file.object = page;
  stream_of(file).reader = reader;
  stream_of(file).bytes = 0;
  stream_of(file).read = 0;
  return 0;
}

export function stream_release(file: File): void {
  if (!file.object) return;
  reader_close(stream_of(file).reader);
  free_pages(file.object, 0);
}

/** What is written is of no account: opening the file to do so has emptied the rings. */
export function stream_write(file: File, from: usize, length: i32): i32 {
  return length;
}

/** `size` counts the bytes that the file has given so far, which a seek leaves behind. */
export function stream_read(file: File, to: usize, length: i32): i32 {
  if (!file.object) return -EBADF;
  if (takes(file)) {
    const error = wait_for_text(file);
    return error <= 0 ? error : give(file, to, length);
  }
  if (file.position < file.size) rewind(file);
  while (file.size < file.position) if (!skip(file, file.position - file.size)) return 0;
  // Who reads by offsets takes a piece that is not full for the end.
  for (let given = 0; given < length; ) {
    const part = give(file, to + <usize>given, length - given);
    if (part <= 0) return given ? given : part;
    given += part;
  }
  return length;
}

/** The next piece of text, or as much of it as fits; 0 at the end, or -EFAULT. */
function give(file: File, to: usize, length: i32): i32 {
  const stream = stream_of(file);
  const part = min(length, text_left(stream));
  if (copy_to_user(to, file.object + TEXT + <usize>stream.read, part)) return -EFAULT;
  skip(file, part);
  file.position = file.size;
  return part;
}

/** 1 when there is some, 0 when there will be none, or -errno. */
function wait_for_text(file: File): i32 {
  while (!text_left(stream_of(file))) {
    if (!tracing().on && file.size) return 0;
    if (file.flags & O_NONBLOCK) return -EAGAIN;
    const error = sleep_until(clock_ns() + LOOK_NS);
    if (error) return error;
  }
  return 1;
}

function rewind(file: File): void {
  reader_rewind(stream_of(file).reader);
  stream_of(file).bytes = 0;
  stream_of(file).read = 0;
  file.size = 0;
}

/** Bytes of text that can be read, of a new piece when the last one is used up; 0 at the end. */
function text_left(stream: Stream): i32 {
  const text = changetype<usize>(stream) + TEXT;
  if (stream.read >= stream.bytes) {
    stream.read = 0;
    stream.bytes = <i32>(reader_read(stream.reader, text, changetype<usize>(stream) + PAGE_SIZE) - text);
  }
  return stream.bytes - stream.read;
}

/** Passes over at most `bytes`; how many, 0 at the end. */
function skip(file: File, bytes: i32): i32 {
  const part = min(bytes, text_left(stream_of(file)));
  stream_of(file).read += part;
  file.size += part;
  return part;
}
