/**
 * A loaded patch: its rows of symbols, its functions, its hooks.
 *
 *   KLP_PATCHES[n] ─► more: [4 hooks | order | owner | object | PatchFiles | Func | Func | …]
 *
 * Rows, data and code are the host's to place and free.
 *
 * A patch of a kernel module's functions names the module, its object. While that is not loaded the patch is dormant: its
 * slots count from the first spare one, and none of them is touched.
 */
import { KLP_DESC_NAME_SIZE, KLP_DESC_OBJECT_SIZE, KLP_SLEEPS, KLP_STATE_DISABLING, KLP_STATE_ENABLED, KLP_STATE_ENABLING } from "../abi";
import { KLP_PATCHES, KLP_PATCH_SIZE, WORD } from "../layout";
import { FUNC_SIZE, Func, top_of } from "./func_stack";

@unmanaged
export class Patch {
  /** Symbol rows of its functions; frame id PATCH_FRAME_IDS + number * PATCH_FRAME_RANGE + k is row k. Read by stack walkers. */
  rows: usize;
  row_count: i32;
  /** KLP_STATE_*; written by hostd before a request, by livepatchd after it. */
  state: i32;
  model: i32;
  number: i32;
  count: i32;
  more: usize;
  /** Number plus one of the loaded module that it patches, or 0. Written by livepatchd, or before anybody knows the patch. */
  awake: i32;
  name_0: u64;
  name_1: u64;
  name_2: u64;
  name_3: u64;
}
if (<i32>offsetof<Patch>() > KLP_PATCH_SIZE) ERROR("Patch no longer fits layout.ts");
if (<i32>offsetof<Patch>("rows") != 0 || <i32>offsetof<Patch>("row_count") != WORD) ERROR("stacktrace.ts reads rows and row_count first");

/** Which hook. All in the order of the descriptor. */
export const HOOK_PRE_PATCH = 0;
export const HOOK_POST_PATCH = 1;
export const HOOK_PRE_UNPATCH = 2;
export const HOOK_POST_UNPATCH = 3;
const ORDER = 4 * WORD;
const OWNER = ORDER + WORD;
const OBJECT_LENGTH = OWNER + WORD;
const OBJECT = OBJECT_LENGTH + WORD;
const FILES = OBJECT + KLP_DESC_OBJECT_SIZE;

/** What is in /sys for a patch while it is enabled. Written by the holder of klp_lock(), and by livepatchd when it is disabled. */
@unmanaged
export class PatchFiles {
  /** Its directories below /sys/kernel/livepatch and /sys/kernel/kgraft, or 0. */
  directory: usize;
  kgraft: usize;
  /** What came of its last request: 0 or -errno. Written by livepatchd before the state. */
  result: i32;
}
/** What lies in front of the functions. */
export const FIXED_BYTES = FILES + <i32>offsetof<PatchFiles>();

@inline export function patch_at(number: i32): Patch {
  return changetype<Patch>(<usize>(KLP_PATCHES + number * KLP_PATCH_SIZE));
}
@inline export function func_at(patch: Patch, index: i32): Func {
  return changetype<Func>(patch.more + FIXED_BYTES + <usize>(index * FUNC_SIZE));
}

/** When it was enabled, in enablings since boot. */
@inline export function patch_order(patch: Patch): i32 {
  return load<i32>(patch.more, ORDER);
}
@inline export function set_patch_order(patch: Patch, order: i32): void {
  store<i32>(patch.more, order, ORDER);
}

/** Number plus one of the kernel module that made it by hand and holds its code, or 0: then it is the host's. */
@inline export function patch_owner(patch: Patch): i32 {
  return load<i32>(patch.more, OWNER);
}
@inline export function set_patch_owner(patch: Patch, owner: i32): void {
  store<i32>(patch.more, owner, OWNER);
}

/** The module that it patches; its length is 0 for a patch of the kernel itself. */
@inline export function object_name(patch: Patch): usize {
  return patch.more + OBJECT;
}
@inline export function object_length(patch: Patch): i32 {
  return load<i32>(patch.more, OBJECT_LENGTH);
}
@notrace export function set_object(patch: Patch, name: usize, length: i32): void {
  store<i32>(patch.more, length, OBJECT_LENGTH);
  memory.copy(object_name(patch), name, length);
}
@inline export function is_dormant(patch: Patch): bool {
  return !patch.awake && object_length(patch) != 0;
}

@inline export function files_of(patch: Patch): PatchFiles {
  return changetype<PatchFiles>(patch.more + FILES);
}
@inline export function patch_name(patch: Patch): usize {
  return changetype<usize>(patch) + offsetof<Patch>("name_0");
}
@notrace export function patch_name_length(patch: Patch): i32 {
  let length = 0;
  while (length < KLP_DESC_NAME_SIZE && load<u8>(patch_name(patch) + length)) length++;
  return length;
}
@inline export function patch_state(patch: Patch): i32 {
  return atomic.load<i32>(changetype<usize>(patch), offsetof<Patch>("state"));
}
/** On its way in or out. */
@inline export function in_transition(patch: Patch): bool {
  const state = patch_state(patch);
  return state == KLP_STATE_ENABLING || state == KLP_STATE_DISABLING;
}
/** In, or on its way in: what the file `enabled` says. */
@inline export function is_on(patch: Patch): bool {
  const state = patch_state(patch);
  return state == KLP_STATE_ENABLING || state == KLP_STATE_ENABLED;
}
/** Whether a version of a newer patch lies over one of its own. */
@notrace export function is_covered(patch: Patch): bool {
  if (is_dormant(patch)) return false;
  for (let i = 0; i < patch.count; i++) if (top_of(func_at(patch, i).slot) != func_at(patch, i)) return true;
  return false;
}

/** Whether a saved stack can hold a frame of one of its functions, or of the versions that they replace. */
@notrace export function can_linger(patch: Patch): bool {
  for (let i = 0; i < patch.count; i++) if (func_at(patch, i).flags & KLP_SLEEPS) return true;
  return false;
}

/** Table index of a hook, or 0. */
@inline export function hook_of(patch: Patch, hook: i32): i32 {
  return load<i32>(patch.more + (<usize>hook << 2));
}

/** Runs a hook that cannot refuse. In a stop it may not sleep, allocate or take locks. */
@notrace @atomic export function run_hook(patch: Patch, hook: i32): void {
  const index = hook_of(patch, hook);
  if (index) call_indirect<void>(index);
}

/** Runs the pre-patch hook in process context: 0, or what it refuses with. */
@notrace @sleeps export function run_pre_patch(patch: Patch): i32 {
  const index = hook_of(patch, HOOK_PRE_PATCH);
  return index ? call_indirect<i32>(index) : 0;
}
