/**
 * /sys: directories that say what there is, with one attribute per file. This file makes the frame; others hang theirs
 * below, as hotplug/files.ts does with the CPUs'.
 */
import { S_IFDIR } from "../abi";
import { literal_length, put_number, put_text } from "../lib/text";
import { kfree, kmalloc } from "../mm/slab";
import { add_directory } from "./attributes";
import { FILE_DIRECTORY } from "./handle";
import { FS_TRACE, Inode } from "./inode";
import { make_named } from "./lifetime";
import { mount_fs } from "./mount";
import { resolve } from "./walk";

/** Fills /sys. */
@sleeps export function sysfs_init(sys: Inode): void {
  const kernel = add_directory(sys, "kernel");
  add_directory(kernel, "livepatch");
  add_directory(kernel, "kgraft");
  mount_fs(add_directory(kernel, "tracing"), FS_TRACE, false);
  add_directory(sys, "module");
  add_directory(add_directory(add_directory(sys, "devices"), "system"), "cpu");
}

/** A directory whose name ends in a number. */
export function add_numbered(parent: Inode, stem: string, number: i32): Inode {
  const name = kmalloc(64);
  if (!name) return changetype<Inode>(name);
  const end = put_number(put_text(name, stem), number);
  const inode = make_named(parent, name, <i32>(end - name), parent.fs, FILE_DIRECTORY, S_IFDIR | 0o755);
  kfree(name);
  return inode;
}

/** A directory that is there since boot, with a reference. */
export function directory_at(path: string): Inode {
  const bytes = kmalloc(literal_length(path));
  if (!bytes) return changetype<Inode>(bytes);
  put_text(bytes, path);
  const inode = resolve(bytes, literal_length(path), true);
  kfree(bytes);
  return inode;
}
