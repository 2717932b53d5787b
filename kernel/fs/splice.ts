/**
 * Splicing: a file's pages go into a pipe as they are, shared instead of copied.
 *
 * A spliced buffer must never be merged into: its page is the file's. Known to be wrong here: the flags of the ring's
 * buffer are left as its last user set them, the mistake that Linux had from 5.8 to 5.16 (CVE-2022-0847). It stays,
 * because patches/dirty-pipe mends it on the running machine.
 */
import { EPIPE, TASK_INTERRUPTIBLE } from "../abi";
import { PAGE_SIZE } from "../layout";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { put_page } from "../mm/page";
import { might_sleep, schedule } from "../sched/core";
import { finish_wait, interrupted, prepare_to_wait, wake_up } from "../sched/wait";
import { File } from "./handle";
import { Inode } from "./inode";
import { PIPE_BUFFERS, Pipe, buffer_at, has_room, not_empty, not_full } from "./pipe";
import { borrow_page } from "./ramfs";

/** Moves at most `length` bytes from the file's position; sleeps while the pipe is full. Gives bytes or -errno. */
export function splice_to_pipe(file: File, output: File, length: i32): i32 {
  might_sleep();
  const pipe = changetype<Pipe>(output.object);
  const inode = changetype<Inode>(file.object);
  let done = 0;
  while (done < length) {
    const position = file.position;
    const offset = position & (PAGE_SIZE - 1);
    const part = min(min(length - done, PAGE_SIZE - offset), inode.size - position);
    const page = part > 0 ? borrow_page(inode, position) : 0;
    if (!page) break;
    spin_lock(pipe);
    const ring_full = pipe.head - pipe.tail == PIPE_BUFFERS;
    const readers = pipe.readers;
    if (readers && !ring_full) {
      const buffer = buffer_at(pipe, pipe.head);
      buffer.page = page;
      buffer.offset = offset;
      buffer.length = part;
      pipe.head += 1;
      file.position += part;
      done += part;
    }
    spin_unlock(pipe);
    if (readers && !ring_full) {
      wake_up(not_empty(pipe));
      continue;
    }
    put_page(page);
    if (!readers) return done ? done : -EPIPE;
    prepare_to_wait(not_full(pipe), TASK_INTERRUPTIBLE);
    const full = !has_room(pipe, PAGE_SIZE);
    if (full && pipe.readers && !interrupted()) schedule();
    finish_wait(not_full(pipe));
    if (full && interrupted()) return done ? done : interrupted();
  }
  return done;
}
