/**
 * Files in memory: bytes in pages.
 *
 *   inode ──► index page ──► data pages          at most 1024 pages, 4 MiB; half of memory in all
 *
 * The inode's lock guards size, index and bytes. A page may be in a pipe too, which holds it then.
 */
import { COUNTER_FILE_BYTES, EFAULT, EFBIG, ENOSPC, O_APPEND } from "../abi";
import { clock_ns } from "../cpu/clock";
import { count } from "../cpu/percpu";
import { PAGE_SIZE } from "../layout";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { alloc_pages, free_pages, get_page, put_page, total_pages } from "../mm/page";
import { copy_from_user, copy_to_user, user_range } from "../mm/uaccess";
import { File } from "./handle";
import { Inode, count_pages } from "./inode";

const MAX_PAGES = PAGE_SIZE / 4;

/** A page of zeros, counted as the files', or 0 when they have half of memory, or memory is out. */
@notrace function take_page(): usize {
  const page = count_pages(1) <= total_pages() / 2 ? alloc_pages(0) : 0;
  if (page) memory.fill(page, 0, PAGE_SIZE);
  else count_pages(-1);
  return page;
}

/** Frees the pages from number `first` on; the lock is held, or nobody else can reach the inode. */
@notrace function drop_pages(inode: Inode, first: i32): void {
  for (let i = first; i < MAX_PAGES; i++) {
    const slot = inode.index + (<usize>i << 2);
    const page = <usize>load<u32>(slot);
    if (!page) continue;
    store<u32>(slot, 0);
    put_page(page); // a pipe may hold it still
    count_pages(-1);
  }
}

/** Frees all pages of an inode that nobody can reach any more. */
export function free_contents(inode: Inode): void {
  if (!inode.index) return;
  drop_pages(inode, 0);
  free_pages(inode.index, 0);
  count_pages(-1);
  inode.index = 0;
}

/** Makes a file `size` bytes long: 0 or -EFBIG. What it is longer by reads as zeros. */
export function ram_resize(inode: Inode, size: i32): i32 {
  if (size > MAX_PAGES * PAGE_SIZE) return -EFBIG;
  spin_lock(inode);
  if (size < inode.size && inode.index) {
    const rest = size & (PAGE_SIZE - 1);
    const page = rest ? data_page(inode, size / PAGE_SIZE, false) : 0;
    if (page) memory.fill(page + rest, 0, PAGE_SIZE - rest);
    drop_pages(inode, (size + PAGE_SIZE - 1) / PAGE_SIZE);
  }
  inode.size = size;
  inode.modified = <i32>(clock_ns() / 1000000000);
  spin_unlock(inode);
  return 0;
}

/** Address of page `index` of a file, taken from the allocator if `create`; 0 for a hole or when memory is out. */
@notrace function data_page(inode: Inode, index: i32, create: bool): usize {
  if (!inode.index) {
    if (!create) return 0;
    inode.index = take_page();
    if (!inode.index) return 0;
  }
  const slot = inode.index + (<usize>index << 2);
  if (!load<u32>(slot) && create) store<u32>(slot, <u32>take_page());
  return <usize>load<u32>(slot);
}

/** The page with byte `position` of a file, with a reference for the caller, or 0 behind its end and in holes. */
export function borrow_page(inode: Inode, position: i32): usize {
  spin_lock(inode);
  const page = position < inode.size ? data_page(inode, position / PAGE_SIZE, false) : 0;
  if (page) get_page(page);
  spin_unlock(inode);
  return page;
}

export function ram_read(file: File, to: usize, length: i32): i32 {
  const inode = changetype<Inode>(file.object);
  if (!user_range(to, length)) return -EFAULT;
  let done = 0;
  while (done < length) {
    spin_lock(inode);
    const offset = file.position & (PAGE_SIZE - 1);
    const part = min(min(length - done, PAGE_SIZE - offset), inode.size - file.position);
    if (part > 0) {
      const page = data_page(inode, file.position / PAGE_SIZE, false);
      if (page) copy_to_user(to + done, page + offset, part);
      else memory.fill(user_range(to + done, part), 0, part);
      file.position += part;
      done += part;
    }
    spin_unlock(inode);
    if (part <= 0) break;
  }
  count(COUNTER_FILE_BYTES, done);
  return done;
}

export function ram_write(file: File, from: usize, length: i32): i32 {
  const inode = changetype<Inode>(file.object);
  if (!user_range(from, length)) return -EFAULT;
  let done = 0;
  let error = 0;
  while (done < length && !error) {
    spin_lock(inode);
    if (file.flags & O_APPEND) file.position = inode.size;
    const offset = file.position & (PAGE_SIZE - 1);
    const part = min(length - done, PAGE_SIZE - offset);
    if (file.position / PAGE_SIZE >= MAX_PAGES) error = -EFBIG;
    else {
      const page = data_page(inode, file.position / PAGE_SIZE, true);
      if (page) {
        copy_from_user(page + offset, from + done, part);
        file.position += part;
        done += part;
        inode.size = max(inode.size, file.position);
      } else error = -ENOSPC;
    }
    spin_unlock(inode);
  }
  inode.modified = <i32>(clock_ns() / 1000000000);
  count(COUNTER_FILE_BYTES, done);
  return done ? done : error;
}
