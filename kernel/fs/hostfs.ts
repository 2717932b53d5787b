/**
 * /host: a folder of the host's, to be read only. What lies in it is asked of the host each time.
 *
 * Inodes are made for whoever asks, and never linked. The host is given the path from the folder on; that it never leads
 * out of the folder is the host's to see to.
 */
import {
  EFAULT, ENAMETOOLONG, ENOMEM, HOST_FACTS_INODE, HOST_FACTS_MODE, HOST_FACTS_NAME, HOST_FACTS_PLACE, HOST_FACTS_SIZE, NAME_MAX, PATH_MAX, S_IFDIR, S_IFMT, UPCALL_OP_HOST_LIST,
  UPCALL_OP_HOST_LOOK, UPCALL_OP_HOST_READ,
} from "../abi";
import { PAGE_SIZE, WORD } from "../layout";
import { alloc_pages, free_pages } from "../mm/page";
import { CACHE_PATH, cache_alloc, kfree } from "../mm/slab";
import { copy_to_user } from "../mm/uaccess";
import { upcall } from "../process/upcall";
import { Dirent, fill_dirent } from "./dirent";
import { FILE_DIRECTORY, FILE_HOST, File } from "./handle";
import { FS_HOST, Inode, is_error, no_inode } from "./inode";
import { new_inode } from "./lifetime";
import { put_path } from "./path";

/** Bytes of `/host`, which the host is not told. */
const PREFIX = 5;
const SLASH: u8 = 47;
/** The last word of the block holds the path's length. */
const LENGTH = PATH_MAX - WORD;

/** A block that holds the path of `inode`, with `room` for more; a negative errno without. */
@notrace function path_of(inode: Inode, room: i32): usize {
  const path = cache_alloc(CACHE_PATH);
  if (!path) return <usize>-ENOMEM;
  const length = <i32>(put_path(path, PATH_MAX - WORD - room, inode) - path);
  if (length) {
    store<i32>(path + LENGTH, length);
    return path;
  }
  kfree(path);
  return <usize>-ENAMETOOLONG;
}

@inline function ask(op: i32, argument: i32, path: usize, to: usize, room: i32): i32 {
  return upcall(op, argument, path + PREFIX, load<i32>(path + LENGTH) - PREFIX, to, room);
}

export function host_lookup(directory: Inode, name: usize, length: i32): Inode {
  const path = path_of(directory, length + 1);
  if (is_error(path)) return changetype<Inode>(path);
  const end = load<i32>(path + LENGTH);
  store<u8>(path + end, SLASH);
  memory.copy(path + end + 1, name, length);
  store<i32>(path + LENGTH, end + 1 + length);
  const status = ask(UPCALL_OP_HOST_LOOK, 0, path, path, HOST_FACTS_NAME);
  const inode = status < 0 ? no_inode(status) : made(directory, name, length, path);
  kfree(path);
  return inode;
}

/** The inode that the facts at `facts` describe. */
function made(directory: Inode, name: usize, length: i32, facts: usize): Inode {
  const mode = load<i32>(facts, HOST_FACTS_MODE);
  const inode = new_inode(directory, name, length, FS_HOST, (mode & S_IFMT) == S_IFDIR ? FILE_DIRECTORY : FILE_HOST, mode);
  if (!changetype<usize>(inode)) return no_inode(-ENOMEM);
  inode.number = load<u32>(facts, HOST_FACTS_INODE);
  inode.size = load<i32>(facts, HOST_FACTS_SIZE);
  inode.subject = 1; // it never had a place in the tree to lose
  return inode;
}

export function host_next(directory: Inode, cookie: u32, entry: Dirent): i32 {
  const path = path_of(directory, 0);
  if (is_error(path)) return <i32>path;
  const length = ask(UPCALL_OP_HOST_LIST, <i32>cookie - 2, path, path, HOST_FACTS_NAME + NAME_MAX);
  if (length > 0) fill_dirent(entry, load<u32>(path, HOST_FACTS_PLACE) + 2, load<u32>(path, HOST_FACTS_INODE), load<i32>(path, HOST_FACTS_MODE), path + HOST_FACTS_NAME, length);
  kfree(path);
  return length > 0 ? 1 : length;
}

/** A page at a time; what is read is what the file holds then. */
export function host_read(file: File, to: usize, length: i32): i32 {
  const path = path_of(file.inode, 0);
  if (is_error(path)) return <i32>path;
  const page = alloc_pages(0);
  let done = 0;
  let got = page ? 1 : -ENOMEM;
  while (done < length && got > 0) {
    got = ask(UPCALL_OP_HOST_READ, file.position, path, page, min(length - done, PAGE_SIZE));
    if (got > 0 && copy_to_user(to + done, page, got)) got = -EFAULT;
    if (got <= 0) break;
    done += got;
    file.position += got;
  }
  if (page) free_pages(page, 0);
  kfree(path);
  return done ? done : min(got, 0);
}
