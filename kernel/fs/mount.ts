/**
 * The mount table: which file system lies over which directory.
 *
 *   directory.mounted ──► root of the mounted one, whose parent and name are those of the directory
 *
 * So `..` leads out of a mounted file system, and a path of its own names it, without anybody asking this table. Rows
 * are written at boot only, and read without a lock.
 */
import { EROFS, S_IFDIR } from "../abi";
import { MAX_MOUNTS, MOUNTS, MOUNT_SIZE } from "../layout";
import { panic } from "../lib/printk";
import { Inode, tree } from "./inode";
import { new_inode } from "./lifetime";
import { FILE_DIRECTORY } from "./handle";

@unmanaged
export class Mount {
  /** Null for a row that is free. */
  root: Inode;
  fs: i32;
  read_only: i32;
}
if (<i32>offsetof<Mount>() > MOUNT_SIZE) ERROR("Mount no longer fits layout.ts");

@inline export function mount_at(row: i32): Mount {
  return changetype<Mount>(<usize>(MOUNTS + row * MOUNT_SIZE));
}

/** Mounts file system `fs` over `directory`: gives its root. At boot, before tasks run. */
export function mount_fs(directory: Inode, fs: i32, read_only: bool): Inode {
  const root = new_inode(directory.parent, directory.name, directory.name_length, fs, FILE_DIRECTORY, S_IFDIR | 0o755);
  if (!changetype<usize>(root)) panic("no memory for a mount");
  root.mount = add_row(root, fs, read_only);
  root.linked = 1;
  directory.mounted = root;
  return root;
}

/** Makes `root` the tree's root. */
export function mount_root(root: Inode): void {
  tree().root = root;
  root.parent = root;
  root.linked = 1;
  root.mount = add_row(root, root.fs, false);
}

@notrace function add_row(root: Inode, fs: i32, read_only: bool): i32 {
  let row = 0;
  while (row < MAX_MOUNTS && changetype<usize>(mount_at(row).root)) row++;
  if (row == MAX_MOUNTS) panic("too many mounts");
  const mount = mount_at(row);
  mount.fs = fs;
  mount.read_only = read_only ? 1 : 0;
  mount.root = root;
  return row;
}

/** 0, or -EROFS when nothing on the inode's file system may change. */
@inline export function check_writable(inode: Inode): i32 {
  return mount_at(inode.mount).read_only ? -EROFS : 0;
}

/** Whether `inode` is the root of a file system, or a directory that one lies over. */
@inline export function is_mount_point(inode: Inode): bool {
  return changetype<usize>(inode.mounted) != 0 || mount_at(inode.mount).root == inode;
}
