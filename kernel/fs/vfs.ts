/**
 * What the tree holds when the machine comes up.
 *
 *   /bin  programs     /dev  devices     /etc/passwd     /host  the host's     /proc     /sys     /tmp  anybody's
 */
import { PATH_MAX, S_IFDIR, S_IFREG } from "../abi";
import { MACHINE, MACHINE_SHARE, VFS, VFS_SIZE } from "../layout";
import { panic } from "../lib/printk";
import { literal_length, put_text } from "../lib/text";
import { spin_lock_init } from "../lock/spinlock";
import { CACHE_PATH, cache_init, kfree, kmalloc, kzalloc } from "../mm/slab";
import { devices_init } from "./devices";
import { FILE_DIRECTORY, FILE_RAM, FILE_SIZE, File } from "./handle";
import { FS_DEV, FS_HOST, FS_PROC, FS_RAM, FS_SYS, INODE_SIZE, Inode, failed, tree } from "./inode";
import { make_inode } from "./lifetime";
import { mount_fs, mount_root } from "./mount";
import { procfs_init } from "./procfs";
import { programs_init } from "./program";
import { ram_write } from "./ramfs";
import { sysctl_files, sysctl_init } from "./sysctl";
import { sysfs_init } from "./sysfs";

/** Numbers of inodes that are made begin behind these: cookies of directories need the first. */
const FIRST_NUMBERS = 16;
/** Seven paths share a block. */
const PATHS_ORDER = 3;
const PASSWD = "root:x:0:0:root:/:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\n";

/** Makes the tree; on CPU 0, before any task runs. */
@sleeps export function vfs_init(): void {
  memory.fill(VFS, 0, VFS_SIZE);
  spin_lock_init(tree(), "tree");
  tree().numbers = FIRST_NUMBERS;
  cache_init(CACHE_PATH, "paths", PATH_MAX, PATHS_ORDER);
  sysctl_init();
  const root = changetype<Inode>(kzalloc(INODE_SIZE));
  if (!changetype<usize>(root)) panic("no memory for the root directory");
  spin_lock_init(root, "inode");
  root.mode = S_IFDIR | 0o755;
  root.kind = FILE_DIRECTORY;
  root.references = 1;
  root.number = 2;
  mount_root(root);
  programs_init(directory(root, "bin", 0o755));
  devices_init(mount_fs(directory(root, "dev", 0o755), FS_DEV, false));
  directory(root, "tmp", 0o1777);
  const proc = mount_fs(directory(root, "proc", 0o555), FS_PROC, false);
  procfs_init(proc);
  sysctl_files(proc);
  const sys = mount_fs(directory(root, "sys", 0o555), FS_SYS, false);
  sysfs_init(sys);
  write_passwd(directory(root, "etc", 0o755));
  if (load<i32>(MACHINE, MACHINE_SHARE)) mount_fs(directory(root, "host", 0o755), FS_HOST, true);
}

function directory(parent: Inode, name: string, mode: i32): Inode {
  const inode = make_inode(parent, name, FS_RAM, FILE_DIRECTORY, S_IFDIR | mode);
  if (failed(inode)) panic("no memory for the first directories");
  return inode;
}

function write_passwd(etc: Inode): void {
  const inode = make_inode(etc, "passwd", FS_RAM, FILE_RAM, S_IFREG | 0o644);
  const file = changetype<File>(kzalloc(FILE_SIZE));
  const text = kmalloc(literal_length(PASSWD));
  if (failed(inode) || !changetype<usize>(file) || !text) panic("no memory for /etc/passwd");
  file.object = changetype<usize>(inode);
  put_text(text, PASSWD);
  ram_write(file, text, literal_length(PASSWD));
  kfree(text);
  kfree(changetype<usize>(file));
}
