/**
 * From a path to an open file: found or created, allowed, truncated if asked, and what its kind makes of it.
 */
import {
  EEXIST, EINVAL, EISDIR, ELOOP, ENFILE, ENOENT, ENOMEM, ENOTDIR, O_ACCMODE, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_TRUNC, O_WRONLY, R_OK,
  W_OK,
} from "../abi";
import { SYSCTLS, SYSCTL_FILE_MAX } from "../layout";
import { text_clear } from "./attributes";
import { alloc_file, open_file_count, open_kind, put_file } from "./file";
import { FILE_RAM, File } from "./handle";
import { Inode, failed, is_directory, is_link, is_regular } from "./inode";
import { put_inode } from "./lifetime";
import { check_writable } from "./mount";
import { create_file } from "./names";
import { permission } from "./permission";
import { ram_resize } from "./ramfs";
import { resolve, walk_end, walk_parent } from "./walk";

@inline function no_file(error: i32): File {
  return changetype<File>(<usize>error);
}

/** Opens a path in kernel memory: a file with one reference, or a negative errno as its address. */
export function open_path(path: usize, length: i32, flags: i32): File {
  if ((flags & O_ACCMODE) == O_ACCMODE) return no_file(-EINVAL);
  if (open_file_count() >= load<i32>(SYSCTLS, SYSCTL_FILE_MAX)) return no_file(-ENFILE);
  let inode = flags & O_CREAT && flags & O_EXCL ? create(path, length) : resolve(path, length, !(flags & O_NOFOLLOW));
  let created = failed(inode) ? false : (flags & O_EXCL) != 0 && (flags & O_CREAT) != 0;
  while (flags & O_CREAT && !(flags & O_EXCL) && <i32>changetype<usize>(inode) == -ENOENT) {
    inode = create(path, length);
    created = !failed(inode);
    if (<i32>changetype<usize>(inode) != -EEXIST) break;
    inode = resolve(path, length, true); // somebody else made it meanwhile, or it is a link to nothing
    if (<i32>changetype<usize>(inode) == -ENOENT) break;
  }
  if (failed(inode)) return changetype<File>(changetype<usize>(inode));
  return open_inode(inode, flags, created);
}

function create(path: usize, length: i32): Inode {
  const walk = walk_parent(path, length);
  if (failed(changetype<Inode>(changetype<usize>(walk)))) return changetype<Inode>(changetype<usize>(walk));
  const inode = create_file(walk);
  walk_end(walk);
  return inode;
}

/** A file of `inode`, whose reference becomes the file's; 0 rights are asked of one that the caller has just made. */
function open_inode(inode: Inode, flags: i32, created: bool): File {
  const refused = created ? 0 : refuse(inode, flags);
  const file = refused ? no_file(refused) : alloc_file(inode.kind, flags & ~(O_CREAT | O_EXCL | O_TRUNC), changetype<usize>(inode));
  if (refused || !changetype<usize>(file)) {
    put_inode(inode);
    return refused ? file : no_file(-ENOMEM);
  }
  file.inode = inode;
  if (flags & O_TRUNC && inode.kind == FILE_RAM) ram_resize(inode, 0);
  let error = flags & O_TRUNC ? text_clear(inode) : 0;
  if (error) file.object = 0; // it was not opened, so there is nothing to release
  else error = open_kind(file);
  if (!error) return file;
  put_file(file);
  return no_file(error);
}

/** Why `inode` may not be opened with `flags`: -errno, or 0. */
@notrace function refuse(inode: Inode, flags: i32): i32 {
  const mode = flags & O_ACCMODE;
  const writes = mode != O_RDONLY || (flags & O_TRUNC) != 0;
  if (is_link(inode)) return -ELOOP;
  if (is_directory(inode)) {
    if (writes || flags & O_CREAT) return -EISDIR;
  } else if (flags & O_DIRECTORY) return -ENOTDIR;
  const mask = (mode == O_WRONLY ? 0 : R_OK) | (writes ? W_OK : 0);
  const error = permission(inode, mask);
  if (error) return error;
  return writes && is_regular(inode) ? check_writable(inode) : 0;
}
