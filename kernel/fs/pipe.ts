/**
 * Pipes: a ring of page buffers between those who write and those who read.
 *
 *   tail ─► [page|offset|length|flags] … ◄─ head        full when head - tail = PIPE_BUFFERS
 *
 * A buffer that a write began itself may take more bytes later (CAN_MERGE). Writes of at most a page go in whole.
 * Whoever leaves something for another of its kind passes the wake-up on, so that waking one waiter is enough.
 */
import { COUNTER_PIPE_BYTES, EFAULT, ENOMEM, EPIPE, O_WRONLY, SIGPIPE, TASK_INTERRUPTIBLE } from "../abi";
import { count } from "../cpu/percpu";
import { PAGE_SIZE } from "../layout";
import { SpinLock, spin_lock, spin_lock_init, spin_unlock } from "../lock/spinlock";
import { alloc_pages, put_page } from "../mm/page";
import { kfree, kzalloc } from "../mm/slab";
import { copy_from_user, copy_to_user, user_range } from "../mm/uaccess";
import { might_sleep, schedule } from "../sched/core";
import { signal_self } from "../sched/signal";
import { WaitQueue, finish_wait, interrupted, prepare_to_wait, wait_queue_init, wake_up, wake_up_all } from "../sched/wait";
import { File } from "./handle";

export const PIPE_BUFFERS = 16;
const CAN_MERGE = 1;

@unmanaged
export class PipeBuffer {
  page: usize;
  offset: i32;
  length: i32;
  flags: i32;
}

/** The lock guards everything but the two wait queues, which have their own. */
@unmanaged
export class Pipe extends SpinLock {
  /** Open ends. */
  readers: i32;
  writers: i32;
  /** Buffers ever filled and ever emptied. */
  head: u32;
  tail: u32;
  not_empty_owner: i32;
  not_empty_name: usize;
  not_empty_waiters: i32;
  not_empty_contended: i32;
  not_empty_next: usize;
  not_empty_prev: usize;
  not_full_owner: i32;
  not_full_name: usize;
  not_full_waiters: i32;
  not_full_contended: i32;
  not_full_next: usize;
  not_full_prev: usize;
}
const PIPE_RECORD = <i32>offsetof<Pipe>() + PIPE_BUFFERS * <i32>offsetof<PipeBuffer>();

@inline export function not_empty(pipe: Pipe): WaitQueue {
  return changetype<WaitQueue>(changetype<usize>(pipe) + offsetof<Pipe>("not_empty_owner"));
}
@inline export function not_full(pipe: Pipe): WaitQueue {
  return changetype<WaitQueue>(changetype<usize>(pipe) + offsetof<Pipe>("not_full_owner"));
}
@inline export function buffer_at(pipe: Pipe, index: u32): PipeBuffer {
  const at = <usize>(index & (PIPE_BUFFERS - 1)) * offsetof<PipeBuffer>();
  return changetype<PipeBuffer>(changetype<usize>(pipe) + offsetof<Pipe>() + at);
}

/** A pipe with one reader and one writer, or null. */
export function alloc_pipe(): Pipe {
  const pipe = changetype<Pipe>(kzalloc(PIPE_RECORD));
  if (!changetype<usize>(pipe)) return pipe;
  spin_lock_init(pipe, "pipe");
  wait_queue_init(not_empty(pipe), "pipe_read");
  wait_queue_init(not_full(pipe), "pipe_write");
  pipe.readers = 1;
  pipe.writers = 1;
  return pipe;
}

/** Drops one end; the last one frees the pipe with what is in it. */
export function pipe_release(file: File): void {
  const pipe = changetype<Pipe>(file.object);
  const writer = file.flags == O_WRONLY;
  spin_lock(pipe);
  if (writer) pipe.writers -= 1;
  else pipe.readers -= 1;
  const last = pipe.readers + pipe.writers == 0;
  // The others learn that nobody is left on this side; under the lock, because they may free the pipe behind it.
  if (!last) wake_up_all(writer ? not_empty(pipe) : not_full(pipe));
  spin_unlock(pipe);
  if (!last) return;
  for (; pipe.tail != pipe.head; pipe.tail++) put_page(buffer_at(pipe, pipe.tail).page);
  kfree(changetype<usize>(pipe));
}

/** Reads what there is, at least one byte unless all writers are gone; sleeps for it. */
export function pipe_read(file: File, to: usize, length: i32): i32 {
  might_sleep();
  const pipe = changetype<Pipe>(file.object);
  if (length == 0) return 0;
  if (!user_range(to, length)) return -EFAULT;
  while (true) {
    const got = take_bytes(pipe, to, length);
    if (got != 0) {
      count(COUNTER_PIPE_BYTES, got);
      wake_up(not_full(pipe));
      if (pipe.head != pipe.tail) wake_up(not_empty(pipe));
      return got;
    }
    prepare_to_wait(not_empty(pipe), TASK_INTERRUPTIBLE);
    const empty = is_empty(pipe);
    if (empty && pipe.writers && !interrupted()) schedule();
    finish_wait(not_empty(pipe));
    if (is_empty(pipe)) {
      if (!pipe.writers) return 0;
      const error = interrupted();
      if (error) return error;
    }
  }
}

@notrace function is_empty(pipe: Pipe): bool {
  spin_lock(pipe);
  const empty = pipe.head == pipe.tail;
  spin_unlock(pipe);
  return empty;
}

/** Moves bytes out of the ring; gives how many. */
function take_bytes(pipe: Pipe, to: usize, length: i32): i32 {
  let done = 0;
  spin_lock(pipe);
  while (done < length && pipe.head != pipe.tail) {
    const buffer = buffer_at(pipe, pipe.tail);
    const part = min(length - done, buffer.length);
    copy_to_user(to + done, buffer.page + buffer.offset, part);
    buffer.offset += part;
    buffer.length -= part;
    done += part;
    if (buffer.length == 0) {
      put_page(buffer.page);
      pipe.tail += 1;
    }
  }
  spin_unlock(pipe);
  return done;
}

/** Writes all of it, sleeping while the ring is full; -EPIPE and SIGPIPE when nobody will ever read. */
export function pipe_write(file: File, from: usize, length: i32): i32 {
  might_sleep();
  const pipe = changetype<Pipe>(file.object);
  if (!user_range(from, length)) return -EFAULT;
  let done = 0;
  while (done < length) {
    const put = put_bytes_in(pipe, from + done, length - done);
    if (put < 0) return done ? done : put;
    done += put;
    if (put) wake_up(not_empty(pipe));
    if (done == length) break;
    prepare_to_wait(not_full(pipe), TASK_INTERRUPTIBLE);
    const full = !has_room(pipe, length - done);
    if (full && pipe.readers && !interrupted()) schedule();
    finish_wait(not_full(pipe));
    if (full && interrupted()) return done ? done : interrupted();
  }
  wake_up(not_full(pipe));
  return done;
}

/** Whether a write of `length` bytes can start: in whole pages, or whole if it is at most a page. The lock is held. */
@notrace function room_in(pipe: Pipe): i32 {
  const free = (PIPE_BUFFERS - <i32>(pipe.head - pipe.tail)) * PAGE_SIZE;
  return free + (pipe.head != pipe.tail ? mergeable(buffer_at(pipe, pipe.head - 1)) : 0);
}

@notrace function mergeable(buffer: PipeBuffer): i32 {
  return buffer.flags & CAN_MERGE ? PAGE_SIZE - buffer.offset - buffer.length : 0;
}

@notrace export function has_room(pipe: Pipe, length: i32): bool {
  spin_lock(pipe);
  const enough = room_in(pipe) >= min(length, PAGE_SIZE);
  spin_unlock(pipe);
  return enough;
}

/** Moves bytes into the ring: 0 when it is too full, or -errno. */
function put_bytes_in(pipe: Pipe, from: usize, length: i32): i32 {
  let done = 0;
  let error = 0;
  spin_lock(pipe);
  if (!pipe.readers) {
    signal_self(SIGPIPE);
    error = -EPIPE;
  } else if (room_in(pipe) >= min(length, PAGE_SIZE)) {
    while (done < length) {
      if (pipe.head == pipe.tail || !mergeable(buffer_at(pipe, pipe.head - 1))) {
        if (pipe.head - pipe.tail == PIPE_BUFFERS) break;
        if (!add_buffer(pipe)) {
          error = -ENOMEM;
          break;
        }
      }
      const buffer = buffer_at(pipe, pipe.head - 1);
      const part = min(length - done, mergeable(buffer));
      copy_from_user(buffer.page + buffer.offset + buffer.length, from + done, part);
      buffer.length += part;
      done += part;
    }
  }
  spin_unlock(pipe);
  return done ? done : error;
}

/** Begins an empty buffer at the head; the lock is held. */
@notrace function add_buffer(pipe: Pipe): bool {
  const page = alloc_pages(0);
  if (!page) return false;
  const buffer = buffer_at(pipe, pipe.head);
  buffer.page = page;
  buffer.offset = 0;
  buffer.length = 0;
  buffer.flags = CAN_MERGE;
  pipe.head += 1;
  return true;
}
