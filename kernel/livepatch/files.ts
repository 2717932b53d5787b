/**
 * /sys/kernel/livepatch/PATCH: what Linux shows of a live patch, and how one is turned off, around, or forced through.
 *
 *   enabled       0644  1 from when enabling began to when disabling began; written: off, or the transition around
 *   transition    0444  1 while it is on its way in or out
 *   force signal  0200  1: all tasks move at once; tasks that sleep are led to their border
 *   replace       0444  0: no patch takes the place of others
 *   stack_order   0444  1 for the one enabled first
 *   OBJECT/patched, OBJECT/FUNCTION,SYMPOS/         the object is vmlinux or a module
 *
 * The files are there from when enabling begins until the patch is disabled. The subject of each is the patch's number.
 */
import {
  EBUSY, EINVAL, ENODEV, ENOMEM, KLP_MODEL_KGRAFT, KLP_MODEL_KPATCH, KLP_STATE_NONE, S_IFDIR,
} from "../abi";
import { add_attribute, add_directory, add_switch, add_text } from "../fs/attributes";
import { FILE_DIRECTORY } from "../fs/handle";
import { Inode, failed } from "../fs/inode";
import { make_named, put_inode, remove_tree } from "../fs/lifetime";
import { directory_at } from "../fs/sysfs";
import { MAX_PATCHES } from "../layout";
import { parse_bool, put_number, put_text, trimmed } from "../lib/text";
import { kfree, kmalloc } from "../mm/slab";
import { add_kgraft_files } from "./kgraft_files";
import { put_function } from "./names";
import { Patch, files_of, func_at, in_transition, is_dormant, is_on, object_length, object_name, patch_at, patch_name, patch_name_length, patch_order } from "./patch";
import { wait_a_little } from "./poke";
import { report_clear } from "./report";
import { begin_to_disable, klp_lock, klp_unlock } from "./request";
import { klp_ask } from "./reverse";
import { poke_marked_tasks } from "./signal";
import { ASK_FORCE, ASK_REVERSE } from "./state";

/** Longest name of a function that gets a directory. */
const NAME_ROOM = 512;

/** 0 for an inode that is one. */
@inline function errno_of(inode: Inode): i32 {
  return failed(inode) ? <i32>changetype<usize>(inode) : 0;
}

/** Makes the files of a patch that is to be enabled: 0, or -EEXIST when another of its name has some, or -ENOMEM. The caller holds klp_lock(). */
@sleeps export function add_patch_files(patch: Patch): i32 {
  const files = files_of(patch);
  const all = directory_at("/sys/kernel/livepatch");
  if (failed(all)) return errno_of(all);
  const directory = make_named(all, patch_name(patch), patch_name_length(patch), all.fs, FILE_DIRECTORY, S_IFDIR | 0o755);
  put_inode(all);
  if (failed(directory)) return errno_of(directory);
  files.directory = changetype<usize>(directory);
  const number = patch.number;
  let result = errno_of(add_attribute(directory, "enabled", 0o644, show_enabled, store_enabled, number));
  if (!result) result = errno_of(add_text(directory, "transition", 0o444, show_transition, number));
  if (!result) result = errno_of(add_switch(directory, "force", 0o200, store_force, number));
  if (!result) result = errno_of(add_switch(directory, "signal", 0o200, store_signal, number));
  if (!result) result = errno_of(add_text(directory, "replace", 0o444, show_replace, number));
  if (!result) result = errno_of(add_text(directory, "stack_order", 0o444, show_stack_order, number));
  if (!result) result = add_functions(patch, directory);
  if (!result && patch.model == KLP_MODEL_KGRAFT) result = add_kgraft_files(patch);
  return result;
}

/** The one object that a patch has functions of: the kernel, or a module. */
@sleeps function add_functions(patch: Patch, directory: Inode): i32 {
  const module = object_length(patch);
  const object = module ? make_named(directory, object_name(patch), module, directory.fs, FILE_DIRECTORY, S_IFDIR | 0o755) : add_directory(directory, "vmlinux");
  if (failed(object)) return errno_of(object);
  let result = errno_of(add_text(object, "patched", 0o444, show_patched, patch.number));
  const name = kmalloc(NAME_ROOM);
  if (!name) return -ENOMEM;
  for (let i = 0; i < patch.count && !result; i++) {
    const end = put_function(name, patch, func_at(patch, i));
    result = errno_of(make_named(object, name, <i32>(end - name), object.fs, FILE_DIRECTORY, S_IFDIR | 0o755));
  }
  kfree(name);
  return result;
}

/** Takes them away; who has one open finds it removed. */
export function remove_patch_files(patch: Patch): void {
  const files = files_of(patch);
  if (files.directory) remove_tree(changetype<Inode>(files.directory));
  if (files.kgraft) remove_tree(changetype<Inode>(files.kgraft));
  files.directory = 0;
  files.kgraft = 0;
}

@notrace function put_flag(at: usize, on: bool): usize {
  return put_text(at, on ? "1\n" : "0\n");
}
function show_enabled(at: usize, limit: usize, number: i32): usize {
  return put_flag(at, is_on(patch_at(number)));
}
function show_transition(at: usize, limit: usize, number: i32): usize {
  return put_flag(at, in_transition(patch_at(number)));
}
function show_replace(at: usize, limit: usize, number: i32): usize {
  return put_flag(at, false);
}
/** The kernel is always there; a module may not be. */
function show_patched(at: usize, limit: usize, number: i32): usize {
  klp_lock();
  const patch = patch_at(number);
  const patched = has_files(patch) && !is_dormant(patch);
  klp_unlock();
  return put_flag(at, patched);
}

/** Whether the patch still has its files; the caller holds klp_lock(). */
@inline function has_files(patch: Patch): bool {
  return patch.state != KLP_STATE_NONE && patch.more != 0 && files_of(patch).directory != 0;
}

function show_stack_order(at: usize, limit: usize, number: i32): usize {
  klp_lock();
  const patch = patch_at(number);
  let position = 0;
  for (let other = 0; has_files(patch) && other < MAX_PATCHES; other++) {
    if (has_files(patch_at(other)) && patch_order(patch_at(other)) <= patch_order(patch)) position++;
  }
  klp_unlock();
  return position ? put_text(put_number(at, position), "\n") : <usize>-ENODEV;
}

/** As Linux: the value it has is refused; in a transition the other turns it around; one that is off stays off. */
function store_enabled(number: i32, text: usize, length: i32): i32 {
  const value = parse_bool(text, trimmed(text, length));
  if (value < 0) return -EINVAL;
  const patch = patch_at(number);
  klp_lock();
  let result = -ENODEV;
  if (has_files(patch)) result = (value != 0) == is_on(patch) ? -EINVAL : change(patch, value != 0);
  klp_unlock();
  if (!result && patch.model == KLP_MODEL_KPATCH) result = outcome(patch);
  return result ? result : length;
}

/** Begins to turn the patch on or off, which it is not yet: 0 or -errno. The caller holds klp_lock(). */
@notrace function change(patch: Patch, on: bool): i32 {
  if (in_transition(patch)) {
    if (patch.model != KLP_MODEL_KGRAFT) return -EBUSY; // all at once: there is nothing to turn around
    if (klp_ask(patch, ASK_REVERSE)) return 0;
  }
  // At rest, or just come to it. What has been turned off has to be loaded anew.
  if (on) return is_on(patch) ? 0 : -EINVAL;
  report_clear();
  return begin_to_disable(patch);
}

/** What came of taking off a kpatch patch, which is over at once: -EBUSY when a function was in use. */
@notrace function outcome(patch: Patch): i32 {
  for (let round = 0; in_transition(patch); round++) wait_a_little(round);
  klp_lock();
  const result = patch.more ? files_of(patch).result : 0; // one that is gone already has been taken off
  klp_unlock();
  return result;
}

function store_force(number: i32, text: usize, length: i32): i32 {
  return during_transition(number, text, length, true);
}
function store_signal(number: i32, text: usize, length: i32): i32 {
  return during_transition(number, text, length, false);
}

/** A false value does nothing; a true one needs the patch's own transition. */
function during_transition(number: i32, text: usize, length: i32, force: bool): i32 {
  const value = parse_bool(text, trimmed(text, length));
  if (value < 0) return -EINVAL;
  if (!value) return length;
  const patch = patch_at(number);
  klp_lock();
  const ours = has_files(patch) && in_transition(patch) && patch.model == KLP_MODEL_KGRAFT;
  if (ours && force) klp_ask(patch, ASK_FORCE); // one that has ended meanwhile needs no force
  else if (ours) poke_marked_tasks(patch);
  klp_unlock();
  return ours ? length : -EINVAL;
}
