/**
 * From a path to an inode, part by part.
 *
 *   /a/b/../c      `.` and `..`, links and mounts are taken on the way; each directory asks for the right to search it
 *
 * A walk can stop before the last part, for calls that make or remove a name. Its record holds a reference to where it
 * stands; walk_end() gives back what it holds.
 */
import { ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, NAME_MAX, PATH_MAX, X_OK } from "../abi";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { alloc_pages, free_pages } from "../mm/page";
import { kfree, kzalloc } from "../mm/slab";
import { hold_directory } from "./descriptors";
import { lookup } from "./filesystems";
import { Inode, failed, get_inode, is_directory, is_link, no_inode, tree } from "./inode";
import { put_inode } from "./lifetime";
import { permission, process } from "./permission";

const SLASH: u8 = 47;
const DOT: u8 = 46;
const MAX_LINKS = 40;

@unmanaged
export class Walk {
  /** Where it stands, or null once somebody took it over. */
  at: Inode;
  /** What is still to be walked. */
  rest: usize;
  end: usize;
  /** The part that it stopped before; length 0 when the path ends in none. */
  last: usize;
  last_length: i32;
  /** Slashes follow the last part: it must be a directory. */
  slashes: i32;
  links: i32;
  /** A page with a link's text and the rest behind it, or 0. */
  page: usize;
}

/** Goes along a path in kernel memory as far as before its last part: 0 or -errno. */
@notrace function walk_to_last(walk: Walk): i32 {
  while (next_part(walk)) {
    if (walk.last_length > NAME_MAX) return -ENAMETOOLONG;
    const error = is_directory(walk.at) ? permission(walk.at, X_OK) : -ENOTDIR;
    if (error) return error;
    if (walk.rest == walk.end) return 0;
    const inode = step(walk);
    if (failed(inode)) return <i32>changetype<usize>(inode);
    const result = is_link(inode) ? follow(walk, inode) : arrive(walk, inode);
    if (result) return result;
  }
  return 0;
}

/** Takes the next part off the rest; false when there is none. */
@notrace function next_part(walk: Walk): bool {
  let at = walk.rest;
  while (at < walk.end && load<u8>(at) == SLASH) at++;
  let stop = at;
  while (stop < walk.end && load<u8>(stop) != SLASH) stop++;
  walk.last = at;
  walk.last_length = <i32>(stop - at);
  while (stop < walk.end && load<u8>(stop) == SLASH) stop++;
  walk.slashes = walk.last_length && load<u8>(stop - 1) == SLASH ? 1 : 0;
  walk.rest = stop;
  return walk.last_length != 0;
}

@notrace export function is_dot(walk: Walk): bool {
  return walk.last_length == 1 && load<u8>(walk.last) == DOT;
}
@notrace export function is_dot_dot(walk: Walk): bool {
  return walk.last_length == 2 && load<u8>(walk.last) == DOT && load<u8>(walk.last, 1) == DOT;
}

/** The inode of the part that was taken, with a reference; a negative errno as its address. */
@notrace function step(walk: Walk): Inode {
  if (is_dot(walk)) return get_inode(walk.at);
  if (is_dot_dot(walk)) {
    spin_lock(tree());
    const parent = get_inode(walk.at.parent);
    spin_unlock(tree());
    return parent;
  }
  const inode = lookup(walk.at, walk.last, walk.last_length);
  if (failed(inode) || !changetype<usize>(inode.mounted)) return inode;
  const root = get_inode(inode.mounted);
  put_inode(inode);
  return root;
}

@notrace function arrive(walk: Walk, inode: Inode): i32 {
  put_inode(walk.at);
  walk.at = inode;
  return 0;
}

/** Puts a link's text in front of the rest. Drops the reference to the link. */
@notrace function follow(walk: Walk, link: Inode): i32 {
  const length = link.size;
  const rest = <i32>(walk.end - walk.rest);
  let error = ++walk.links > MAX_LINKS ? -ELOOP : length + rest + 1 >= PATH_MAX ? -ENAMETOOLONG : 0;
  const page: usize = error ? 0 : alloc_pages(0);
  if (!error && !page) error = -ENOMEM;
  if (!error) {
    memory.copy(page, link.text, length);
    let end = page + length;
    if (rest || walk.slashes) store<u8>(end++, SLASH);
    memory.copy(end, walk.rest, rest);
    drop_page(walk);
    walk.page = page;
    walk.rest = page;
    walk.end = end + rest;
    if (length && load<u8>(page) == SLASH) arrive(walk, get_inode(tree().root));
  }
  put_inode(link);
  return error;
}

@notrace function drop_page(walk: Walk): void {
  if (walk.page) free_pages(walk.page, 0);
  walk.page = 0;
}

/** Walks to before the last part: the walk, or a negative errno as its address. */
export function walk_parent(path: usize, length: i32): Walk {
  if (length == 0) return changetype<Walk>(<usize>-ENOENT);
  if (length >= PATH_MAX) return changetype<Walk>(<usize>-ENAMETOOLONG);
  const walk = changetype<Walk>(kzalloc(<i32>offsetof<Walk>()));
  if (!changetype<usize>(walk)) return changetype<Walk>(<usize>-ENOMEM);
  walk.at = load<u8>(path) == SLASH ? get_inode(tree().root) : hold_directory(process());
  walk.rest = path;
  walk.end = path + length;
  const error = walk_to_last(walk);
  if (!error) return walk;
  walk_end(walk);
  return changetype<Walk>(<usize>error);
}

/** Gives back what a walk holds. */
export function walk_end(walk: Walk): void {
  if (changetype<usize>(walk.at)) put_inode(walk.at);
  drop_page(walk);
  kfree(changetype<usize>(walk));
}

/** Takes the last step too: the inode with a reference, or a negative errno as its address. `through`: also when it is a link. */
export function walk_last(walk: Walk, through: bool): Inode {
  while (walk.last_length) {
    const inode = step(walk);
    if (failed(inode)) return inode;
    if (!is_link(inode) || !(through || walk.slashes)) {
      const wrong = walk.slashes && !is_directory(inode);
      if (!wrong) return inode;
      put_inode(inode);
      return no_inode(-ENOTDIR);
    }
    let error = follow(walk, inode);
    if (!error) error = walk_to_last(walk);
    if (error) return no_inode(error);
  }
  return get_inode(walk.at);
}

/** The inode of a path in kernel memory, with a reference, or a negative errno as its address. */
export function resolve(path: usize, length: i32, through: bool): Inode {
  const walk = walk_parent(path, length);
  if (failed(changetype<Inode>(changetype<usize>(walk)))) return changetype<Inode>(changetype<usize>(walk));
  const inode = walk_last(walk, through);
  walk_end(walk);
  return inode;
}
