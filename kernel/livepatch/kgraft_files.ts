/**
 * /sys/kernel/kgraft: kGraft's own files, for patches of its model.
 *
 *   in_progress         0644  1 while a transition is under way; written 0: all tasks move at once
 *   PATCH/revert        0200  anything: take it off
 *   PATCH/refs          0444  patches that lie on top of it
 *   PATCH/replace_all   0444  0
 *   PATCH/state         0444  a line for each function
 */
import {
  EAGAIN, EBUSY, EINVAL, ENODEV, KLP_STATE_DISABLING, KLP_STATE_ENABLED, KLP_STATE_ENABLING, KLP_STATE_NONE, S_IFDIR,
} from "../abi";
import { add_attribute, add_switch, add_text } from "../fs/attributes";
import { FILE_DIRECTORY } from "../fs/handle";
import { Inode, failed } from "../fs/inode";
import { make_named, put_inode } from "../fs/lifetime";
import { directory_at } from "../fs/sysfs";
import { MAX_PATCHES } from "../layout";
import { parse_number, put_bytes, put_number, put_text, trimmed } from "../lib/text";
import { newer_on_top } from "./func_stack";
import { klp_log } from "./log";
import { put_function_name, sympos_of } from "./names";
import { Patch, files_of, func_at, is_covered, is_dormant, object_length, object_name, patch_at, patch_name, patch_name_length, patch_state } from "./patch";
import { begin_to_disable, klp_lock, klp_unlock, moving_patch } from "./request";
import { klp_ask } from "./reverse";
import { ASK_FORCE } from "./state";

const FOLDER = "/sys/kernel/kgraft";

/** At boot. */
@sleeps export function kgraft_files_init(): void {
  const folder = directory_at(FOLDER);
  if (failed(folder)) return;
  add_attribute(folder, "in_progress", 0o644, show_in_progress, store_in_progress, 0);
  put_inode(folder);
}

@inline function errno_of(inode: Inode): i32 {
  return failed(inode) ? <i32>changetype<usize>(inode) : 0;
}

/** 0 or -errno. The caller holds klp_lock(). */
@sleeps export function add_kgraft_files(patch: Patch): i32 {
  const folder = directory_at(FOLDER);
  if (failed(folder)) return errno_of(folder);
  const directory = make_named(folder, patch_name(patch), patch_name_length(patch), folder.fs, FILE_DIRECTORY, S_IFDIR | 0o755);
  put_inode(folder);
  if (failed(directory)) return errno_of(directory);
  files_of(patch).kgraft = changetype<usize>(directory);
  const number = patch.number;
  let result = errno_of(add_switch(directory, "revert", 0o200, store_revert, number));
  if (!result) result = errno_of(add_text(directory, "refs", 0o444, show_refs, number));
  if (!result) result = errno_of(add_text(directory, "replace_all", 0o444, show_replace_all, number));
  if (!result) result = errno_of(add_text(directory, "state", 0o444, show_state, number));
  return result;
}

function show_in_progress(at: usize, limit: usize, subject: i32): usize {
  return put_text(at, changetype<usize>(moving_patch()) ? "1\n" : "0\n");
}

/** Without a transition there is nobody to move. */
function store_in_progress(subject: i32, text: usize, length: i32): i32 {
  if (parse_number(text, trimmed(text, length)) != 0) return -EINVAL;
  klp_lock();
  const patch = moving_patch();
  if (changetype<usize>(patch)) klp_ask(patch, ASK_FORCE);
  klp_unlock();
  return length;
}

/** Whether the patch still has its files; the caller holds klp_lock(). */
@inline function has_files(patch: Patch): bool {
  return patch.state != KLP_STATE_NONE && patch.more != 0 && files_of(patch).kgraft != 0;
}

function store_revert(number: i32, text: usize, length: i32): i32 {
  klp_lock();
  const patch = patch_at(number);
  const result = has_files(patch) ? revert(patch) : -ENODEV;
  klp_unlock();
  return result ? result : length;
}

@notrace function revert(patch: Patch): i32 {
  if (patch_state(patch) == KLP_STATE_DISABLING) return refuse(patch, "this one was already reverted", -EINVAL);
  if (changetype<usize>(moving_patch())) return refuse(patch, "can't patch, another patching not yet finalized", -EAGAIN);
  if (is_covered(patch)) return refuse(patch, "this patch is still referenced", -EBUSY);
  return begin_to_disable(patch);
}

@notrace function refuse(patch: Patch, why: string, error: i32): i32 {
  klp_log(patch, why);
  return error;
}

function show_refs(at: usize, limit: usize, number: i32): usize {
  klp_lock();
  const patch = patch_at(number);
  let refs = -1;
  if (has_files(patch)) {
    refs = 0;
    for (let other = 0; other < MAX_PATCHES; other++) if (lies_on(patch_at(other), patch)) refs++;
  }
  klp_unlock();
  return refs < 0 ? <usize>-ENODEV : put_text(put_number(at, refs), "\n");
}

/** Whether a version of `newer` lies above one of `patch`. */
@notrace function lies_on(newer: Patch, patch: Patch): bool {
  if (newer == patch || newer.state == KLP_STATE_NONE || !newer.more) return false;
  for (let i = 0; i < patch.count; i++) if (newer_on_top(func_at(patch, i), newer.number)) return true;
  return false;
}

function show_replace_all(at: usize, limit: usize, number: i32): usize {
  return put_text(at, "0\n");
}

@notrace function put_object(at: usize, patch: Patch): usize {
  return object_length(patch) ? put_bytes(at, object_name(patch), object_length(patch)) : put_text(at, "vmlinux");
}

/** The state of functions whose module is not loaded. */
const SKIPPED = 5;

/** kGraft's numbers: 1 slow, 2 applied, 3 on the way back, 4 reverted. */
@notrace function state_number(state: i32): i32 {
  return state == KLP_STATE_ENABLING ? 1 : state == KLP_STATE_ENABLED ? 2 : state == KLP_STATE_DISABLING ? 3 : 4;
}

function show_state(at: usize, limit: usize, number: i32): usize {
  klp_lock();
  const patch = patch_at(number);
  const there = has_files(patch);
  if (there) {
    at = put_text(at, "Function\tObject\tSympos\tState\n");
    for (let i = 0; i < patch.count; i++) {
      const func = func_at(patch, i);
      at = put_text(put_object(put_text(put_function_name(at, patch, func), "\t"), patch), "\t");
      at = put_number(put_text(put_number(at, sympos_of(patch, func)), "\t"), is_dormant(patch) ? SKIPPED : state_number(patch_state(patch)));
      at = put_text(at, "\n");
    }
  }
  klp_unlock();
  return there ? at : <usize>-ENODEV;
}
