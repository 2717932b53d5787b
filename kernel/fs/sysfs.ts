/**
 * /sys: directories that say what there is, with one attribute per file. Others hang theirs below; this file makes the
 * frame and the CPUs.
 */
import { S_IFDIR } from "../abi";
import { is_online } from "../cpu/present";
import { MACHINE, MACHINE_CPUS } from "../layout";
import { literal_length, put_number, put_text } from "../lib/text";
import { kfree, kmalloc } from "../mm/slab";
import { add_directory, add_text } from "./attributes";
import { FILE_DIRECTORY } from "./handle";
import { FS_TRACE, Inode, failed } from "./inode";
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
  const cpu = add_directory(add_directory(add_directory(sys, "devices"), "system"), "cpu");
  add_text(cpu, "possible", 0o444, show_possible, 0);
  add_text(cpu, "present", 0o444, show_possible, 0);
  add_text(cpu, "online", 0o444, show_online, 0);
  for (let i = 0; i < load<i32>(MACHINE, MACHINE_CPUS); i++) {
    const one = add_numbered(cpu, "cpu", i);
    if (!failed(one)) add_text(one, "online", 0o444, show_cpu_online, i);
  }
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

function show_possible(at: usize, limit: usize, subject: i32): usize {
  const last = load<i32>(MACHINE, MACHINE_CPUS) - 1;
  at = put_text(at, last ? "0-" : "");
  return put_text(put_number(at, last), "\n");
}

/** Ranges, as `0-2,5`. */
function show_online(at: usize, limit: usize, subject: i32): usize {
  const cpus = load<i32>(MACHINE, MACHINE_CPUS);
  let any = false;
  for (let cpu = 0; cpu < cpus; cpu++) {
    if (!is_online(cpu)) continue;
    const first = cpu;
    while (cpu + 1 < cpus && is_online(cpu + 1)) cpu++;
    at = put_number(put_text(at, any ? "," : ""), first);
    if (cpu > first) at = put_number(put_text(at, "-"), cpu);
    any = true;
  }
  return put_text(at, "\n");
}

function show_cpu_online(at: usize, limit: usize, cpu: i32): usize {
  return put_text(at, is_online(cpu) ? "1\n" : "0\n");
}
