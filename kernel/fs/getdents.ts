/**
 * Listing a directory: as many records as fit, each of an entry and where it ends.
 */
import { DIRENT_INODE, DIRENT_KIND, DIRENT_LENGTH, DIRENT_NAME, DIRENT_NAME_LENGTH, EFAULT, EINVAL, ENOMEM, S_IFDIR } from "../abi";
import { kfree, kmalloc } from "../mm/slab";
import { user_range } from "../mm/uaccess";
import { COOKIE_DOT, COOKIE_DOT_DOT, DIRENT_ROOM, Dirent, dirent_name, fill_dirent } from "./dirent";
import { next_entry } from "./filesystems";
import { File } from "./handle";
import { Inode } from "./inode";

const DOTS: u16 = 0x2e2e;

/** Bytes of records at the user's `buffer`, 0 at the end, or -errno. */
export function list_directory(file: File, buffer: usize, length: i32): i32 {
  if (length < 0) return -EINVAL;
  const entry = changetype<Dirent>(kmalloc(DIRENT_ROOM));
  if (!changetype<usize>(entry)) return -ENOMEM;
  let done = 0;
  let error = 0;
  while (!error) {
    const found = entry_behind(file.inode, <u32>file.position, entry);
    if (found <= 0) {
      error = found;
      break;
    }
    const bytes = (DIRENT_NAME + entry.name_length + 4) & ~3;
    if (done + bytes > length) {
      if (!done) error = -EINVAL;
      break;
    }
    error = put_entry(entry, buffer + done, bytes);
    if (error) break;
    file.position = <i32>entry.cookie;
    done += bytes;
  }
  kfree(changetype<usize>(entry));
  return done ? done : error;
}

function entry_behind(directory: Inode, cookie: u32, entry: Dirent): i32 {
  if (cookie >= COOKIE_DOT_DOT) return next_entry(directory, cookie, entry);
  const dots = changetype<usize>(entry) + DIRENT_ROOM - 4;
  store<u16>(dots, DOTS);
  if (cookie < COOKIE_DOT) fill_dirent(entry, COOKIE_DOT, directory.number, S_IFDIR, dots, 1);
  else fill_dirent(entry, COOKIE_DOT_DOT, directory.parent.number, S_IFDIR, dots, 2);
  return 1;
}

@notrace function put_entry(entry: Dirent, buffer: usize, bytes: i32): i32 {
  const at = user_range(buffer, bytes);
  if (!at) return -EFAULT;
  memory.fill(at, 0, bytes);
  store<u32>(at, entry.number, DIRENT_INODE);
  store<u16>(at, <u16>bytes, DIRENT_LENGTH);
  store<u8>(at, <u8>(entry.mode >>> 12), DIRENT_KIND);
  store<u8>(at, <u8>entry.name_length, DIRENT_NAME_LENGTH);
  memory.copy(at + DIRENT_NAME, dirent_name(entry), entry.name_length);
  return 0;
}
