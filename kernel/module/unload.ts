/**
 * Unloading a kernel module: first it is sure that nobody needs it, then it is told to go, then nobody can be inside.
 *
 *   LIVE, no references, no stack holds a frame of it ─► GOING ─► cleanup() ─► notifiers ─► its live patches ─► stacks once
 *   more, readers of RCU ─► its code leaves every CPU (host) ─► memory, slots, name ─► NONE
 */
import { EAGAIN, EBUSY, ENOENT, EPERM, UPCALL_OP_MODULE_REMOVE } from "../abi";
import { MAX_PATCHES, MODULE_HEAD_EXIT } from "../layout";
import { pr_debug } from "../lib/debug";
import { forget_slots } from "../livepatch/func_stack";
import { klp_look_for } from "../livepatch/aside";
import { klp_owner_going } from "../livepatch/hand";
import { klp_module_going, patch_of } from "../livepatch/objects";
import { klp_free } from "../livepatch/requests";
import { in_transition, patch_at } from "../livepatch/patch";
import { wait_a_little } from "../livepatch/poke";
import { synchronize_rcu } from "../lock/rcu";
import { kfree } from "../mm/slab";
import { upcall } from "../process/upcall";
import { forget_debug_lines } from "../trace/debug_lines";
import { probes_owner_going, probes_owner_gone } from "../trace/kprobe";
import { tracing_module_goes } from "../trace/modules";
import { remove_module_files } from "./files";
import {
  MODULE_NONE, MODULE_STATE_GOING, MODULE_STATE_LIVE, Module, find_module, lock_modules,
  module_number, module_state, modules_disabled, notify_modules, set_module_state, unlock_modules,
} from "./module";

/**
 * Unloads the module of that name: 0; -ENOENT without one, -EAGAIN while it is referred to or somebody is inside (as
 * Linux answers a caller who does not wait), -EBUSY when it is not live, has no
 * cleanup_module(), or while a live patch of it is in transition.
 */
export function delete_module(name: usize, length: i32): i32 {
  if (modules_disabled()) return -EPERM;
  lock_modules();
  const module = find_module(name, length);
  const result = changetype<usize>(module) ? begin_going(module) : -ENOENT;
  unlock_modules();
  if (result) return result;
  pr_debug("%s: going, number %d", module.name, module_number(module));
  run_exit(module);
  notify_modules(MODULE_STATE_GOING, module_number(module));
  klp_module_going(module);
  klp_owner_going(module);
  probes_owner_going(module);
  lock_modules();
  remove_module(module);
  unlock_modules();
  return 0;
}

function begin_going(module: Module): i32 {
  if (module_state(module) != MODULE_STATE_LIVE || !load<i32>(module.block, MODULE_HEAD_EXIT)) return -EBUSY;
  if (has_moving_patch(module)) return -EBUSY;
  set_module_state(module, MODULE_STATE_GOING);
  // Behind the state; pairs with try_module_get(), which counts first and looks at the state then.
  const references = atomic.load<i32>(changetype<usize>(module), offsetof<Module>("references"));
  if (!references && !has_frames_of(module) && !has_frames_of_patches(module)) return 0;
  set_module_state(module, MODULE_STATE_LIVE);
  return -EAGAIN;
}

@sleeps function run_exit(module: Module): void {
  call_indirect<void>(load<i32>(module.block, MODULE_HEAD_EXIT));
}

function has_frames_of(module: Module): bool {
  return klp_look_for(MAX_PATCHES + module_number(module));
}

@notrace function has_moving_patch(module: Module): bool {
  for (let number = 0; number < MAX_PATCHES; number++) if (patch_of(number, module) && in_transition(patch_at(number))) return true;
  return false;
}

function has_frames_of_patches(module: Module): bool {
  for (let number = 0; number < MAX_PATCHES; number++) if (patch_of(number, module) && klp_look_for(number)) return true;
  return false;
}

/** Takes away all that a module has, however far its loading got. The lock is held, and nobody enters its code any more. */
export function remove_module(module: Module): void {
  remove_module_files(module);
  tracing_module_goes(module);
  if (module.row_count) for (let round = 0; has_frames_of(module); round++) wait_a_little(round);
  probes_owner_gone(module);
  synchronize_rcu();
  if (module.slots) forget_slots(module.first_slot, module.slots);
  forget_debug_lines(module_number(module));
  upcall(UPCALL_OP_MODULE_REMOVE, module_number(module), 0, 0, 0, 0);
  module.rows = 0;
  module.row_count = 0;
  if (module.block) klp_free(<i32>module.block, 0);
  kfree(module.name);
  module.name = 0;
  module.name_length = 0;
  module.block = 0;
  module.slots = 0;
  module.references = 0;
  set_module_state(module, MODULE_NONE);
}
