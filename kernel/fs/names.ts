/**
 * Calls that make and remove names: files, directories, links; and renaming, the one that does both at once.
 *
 * Only file systems that live in the tree let users do so. Whether a name may go, and its going, are one step under
 * the tree's lock.
 */
import {
  EBUSY, EEXIST, EINVAL, EISDIR, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, ENOTEMPTY, EPERM, EXDEV, PATH_MAX, S_IFDIR, S_IFLNK, S_IFREG, W_OK, X_OK,
} from "../abi";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { KMALLOC_MAX, kfree, kmalloc } from "../mm/slab";
import { refuses_create, refuses_names } from "./filesystems";
import { FILE_DIRECTORY, FILE_LINK, FILE_RAM } from "./handle";
import { Inode, failed, find_child, get_inode, hang, is_directory, no_inode, tree, unhang } from "./inode";
import { link_inode, new_inode, put_inode, unlink_inode } from "./lifetime";
import { check_writable, is_mount_point } from "./mount";
import { may_remove, permission, process } from "./permission";
import { Walk, is_dot, is_dot_dot, walk_end, walk_last, walk_parent } from "./walk";

/** Longest text of a link. */
const MAX_TEXT = 2048;
if (MAX_TEXT > KMALLOC_MAX || MAX_TEXT >= PATH_MAX) ERROR("a link's text must fit kmalloc() and a path");
/** Of renaming a name to itself, which is done by doing nothing. */
const RENAMED_TO_ITSELF = 1;

@inline function walk_failed(walk: Walk): bool {
  return failed(changetype<Inode>(changetype<usize>(walk)));
}
@inline function is_special(walk: Walk): bool {
  return !walk.last_length || is_dot(walk) || is_dot_dot(walk);
}

/** 0 when the caller may make or remove names in `directory`. */
@notrace function may_change(directory: Inode): i32 {
  const error = check_writable(directory);
  return error ? error : permission(directory, W_OK | X_OK);
}

/** Makes an inode where the walk stands; it has a reference for the caller. A negative errno as its address. */
@notrace function make_here(walk: Walk, kind: i32, mode: i32): Inode {
  const refused = may_change(walk.at);
  if (refused) return no_inode(refused);
  const inode = new_inode(walk.at, walk.last, walk.last_length, walk.at.fs, kind, mode);
  if (!changetype<usize>(inode)) return no_inode(-ENOMEM);
  inode.uid = process().uid;
  inode.gid = process().gid;
  return inode;
}

/** Links what make_here() gave; gives it back when that fails. */
@notrace function link_here(inode: Inode): Inode {
  const error = link_inode(inode);
  if (!error) return inode;
  put_inode(inode);
  return no_inode(error);
}

/** A new empty file at the end of `walk`, with a reference; -EEXIST when there is one, a link included. */
export function create_file(walk: Walk): Inode {
  if (is_special(walk) || walk.slashes) return no_inode(-EISDIR);
  const refused = refuses_create(walk.at);
  if (refused) return no_inode(refused);
  const inode = make_here(walk, FILE_RAM, S_IFREG | (0o666 & ~process().umask));
  return failed(inode) ? inode : link_here(inode);
}

/** What is at the end of a walk, for calls that make a name there: 0 when nothing is, or -errno. */
@notrace function check_free(walk: Walk): i32 {
  if (is_special(walk)) return -EEXIST;
  const found = walk_last_here(walk);
  if (!failed(found)) put_inode(found);
  return failed(found) ? (<i32>changetype<usize>(found) == -ENOENT ? refuses_names(walk.at) : <i32>changetype<usize>(found)) : -EEXIST;
}

/** The inode of the last part without following it; trailing slashes do not matter. */
@notrace function walk_last_here(walk: Walk): Inode {
  const slashes = walk.slashes;
  walk.slashes = 0;
  const inode = walk_last(walk, false);
  walk.slashes = slashes;
  return inode;
}

export function make_directory(path: usize, length: i32, mode: i32): i32 {
  const walk = walk_parent(path, length);
  if (walk_failed(walk)) return <i32>changetype<usize>(walk);
  const result = check_free(walk);
  const inode = result ? no_inode(result) : make_here(walk, FILE_DIRECTORY, S_IFDIR | (mode & 0o1777 & ~process().umask));
  return finish(walk, failed(inode) ? inode : link_here(inode));
}

/** Ends a call that made `inode`, or did not. */
@notrace function finish(walk: Walk, inode: Inode): i32 {
  walk_end(walk);
  if (failed(inode)) return <i32>changetype<usize>(inode);
  put_inode(inode);
  return 0;
}

/** A symbolic link at `path` that says `text`. */
export function make_link(text: usize, text_length: i32, path: usize, length: i32): i32 {
  if (text_length < 1) return -ENOENT;
  if (text_length >= MAX_TEXT) return -ENAMETOOLONG;
  const walk = walk_parent(path, length);
  if (walk_failed(walk)) return <i32>changetype<usize>(walk);
  const result = walk.slashes ? -ENOENT : check_free(walk);
  let inode = result ? no_inode(result) : make_here(walk, FILE_LINK, S_IFLNK | 0o777);
  if (!failed(inode)) {
    inode.text = kmalloc(text_length);
    if (inode.text) {
      memory.copy(inode.text, text, text_length);
      inode.size = text_length;
      inode = link_here(inode);
    } else {
      put_inode(inode);
      inode = no_inode(-ENOMEM);
    }
  }
  return finish(walk, inode);
}
/** Removes a file's name, or an empty directory: 0 or -errno. */
export function remove_name(path: usize, length: i32, directory: bool): i32 {
  const walk = walk_parent(path, length);
  if (walk_failed(walk)) return <i32>changetype<usize>(walk);
  let result = directory ? refuse_special_directory(walk) : is_special(walk) ? -EISDIR : 0;
  if (!result) result = check_writable(walk.at);
  if (!result && refuses_names(walk.at)) result = refused_removal(walk);
  if (!result) result = remove_last(walk, directory);
  walk_end(walk);
  return result;
}

@notrace function refuse_special_directory(walk: Walk): i32 {
  if (!walk.last_length) return -EBUSY;
  return is_dot(walk) ? -EINVAL : is_dot_dot(walk) ? -ENOTEMPTY : 0;
}

/** Why nothing is removed where only the kernel makes names. */
@notrace function refused_removal(walk: Walk): i32 {
  const found = walk_last_here(walk);
  if (failed(found)) return <i32>changetype<usize>(found);
  put_inode(found);
  const refused = permission(walk.at, W_OK | X_OK);
  return refused ? refused : -EPERM;
}

@notrace function remove_last(walk: Walk, directory: bool): i32 {
  spin_lock(tree());
  const inode = find_child(walk.at, walk.last, walk.last_length);
  const result = changetype<usize>(inode) ? check_removal(inode, directory, walk.slashes != 0) : -ENOENT;
  if (!result) unlink_inode(inode);
  spin_unlock(tree());
  if (!result) put_inode(inode);
  return result;
}

/** Whether a linked inode may lose its name; the tree is locked. */
@notrace function check_removal(inode: Inode, directory: bool, slashes: bool): i32 {
  if (slashes && !is_directory(inode)) return -ENOTDIR;
  let error = permission(inode.parent, W_OK | X_OK);
  if (!error) error = may_remove(inode);
  if (error) return error;
  if (directory != is_directory(inode)) return directory ? -ENOTDIR : -EISDIR;
  if (is_mount_point(inode)) return -EBUSY;
  return changetype<usize>(inode.first) ? -ENOTEMPTY : 0;
}

/** Gives what is at one path the name of the other, in place of what may be there: 0 or -errno. */
export function rename_path(from: usize, from_length: i32, to: usize, to_length: i32): i32 {
  const source = walk_parent(from, from_length);
  if (walk_failed(source)) return <i32>changetype<usize>(source);
  const target = walk_parent(to, to_length);
  if (walk_failed(target)) {
    walk_end(source);
    return <i32>changetype<usize>(target);
  }
  const name = kmalloc(target.last_length);
  const result = name ? rename_walks(source, target, name) : -ENOMEM;
  if (result) kfree(name);
  walk_end(target);
  walk_end(source);
  return result == RENAMED_TO_ITSELF ? 0 : result;
}
@notrace function rename_walks(source: Walk, target: Walk, name: usize): i32 {
  if (source.at.mount != target.at.mount) return -EXDEV;
  if (is_special(source) || is_special(target)) return -EBUSY;
  const refused = check_writable(source.at);
  if (refused) return refused;
  if (refuses_names(source.at)) return refused_removal(source);
  memory.copy(name, target.last, target.last_length);
  spin_lock(tree());
  const inode = find_child(source.at, source.last, source.last_length);
  const victim = find_child(target.at, target.last, target.last_length);
  let result = changetype<usize>(inode) ? check_rename(inode, victim, target) : -ENOENT;
  if (!result && source.slashes && !is_directory(inode)) result = -ENOTDIR;
  if (!result && inode == victim) result = RENAMED_TO_ITSELF;
  let left = changetype<Inode>(0);
  let old_name: usize = 0;
  if (!result) {
    left = inode.parent;
    old_name = inode.name;
    if (changetype<usize>(victim)) unlink_inode(victim);
    unhang(inode);
    inode.name = name;
    inode.name_length = target.last_length;
    inode.parent = get_inode(target.at);
    hang(inode);
  }
  spin_unlock(tree());
  if (result) return result;
  kfree(old_name);
  put_inode(left);
  if (changetype<usize>(victim)) put_inode(victim);
  return 0;
}

/** Whether `inode` may take the place of `victim` (or of nothing) in the target's directory; the tree is locked. */
@notrace function check_rename(inode: Inode, victim: Inode, target: Walk): i32 {
  for (let above = target.at; ; above = above.parent) {
    if (above == inode) return -EINVAL; // a directory would lie in itself
    if (above == above.parent) break;
  }
  if (!target.at.linked) return -ENOENT;
  let error = permission(inode.parent, W_OK | X_OK);
  if (!error) error = may_remove(inode);
  if (!error) error = permission(target.at, W_OK | X_OK);
  if (!error && is_directory(inode) && inode.parent != target.at) error = permission(inode, W_OK); // its `..` changes
  if (error) return error;
  if (target.slashes && !is_directory(inode)) return -ENOTDIR;
  if (is_mount_point(inode)) return -EBUSY;
  if (!changetype<usize>(victim) || victim == inode) return 0;
  if (is_directory(inode) && !is_directory(victim)) return -ENOTDIR;
  return check_removal(victim, is_directory(inode), false);
}
