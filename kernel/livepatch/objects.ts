/**
 * Patches of kernel modules: which of them belong to a module, and what happens to them when it comes and goes.
 *
 *   dormant ──its module is loaded already, or is COMING──► awake ──its module is GOING──► dormant
 *
 * Code and data are the host's to place (up-calls); what slots lead to is livepatchd's (aside.ts). A patch that cannot go
 * in vetoes the module.
 */
import { EBUSY, ENOENT, KLP_STATE_LOADED, KLP_STATE_NONE, UPCALL_OP_PATCH_SLEEP, UPCALL_OP_PATCH_WAKE } from "../abi";
import { MAX_PATCHES, PAGE_SIZE } from "../layout";
import { page_order } from "../mm/page";
import { MODULE_STATE_COMING, MODULE_STATE_LIVE, Module, find_module, lock_modules, module_number, module_state, unlock_modules } from "../module/module";
import { upcall } from "../process/upcall";
import { klp_apply_to_coming, klp_look_for, klp_revert_on_going, settle_in } from "./aside";
import { klp_log_both } from "./log";
import { Patch, is_dormant, object_length, object_name, patch_at, patch_order } from "./patch";
import { wait_a_little } from "./poke";
import { kgr_task_safe } from "./universe";

/** A patch becomes known: awake if its module is loaded. 0, or why it does not fit that module. */
export function wake_for_loaded(patch: Patch): i32 {
  let result = 0;
  lock_modules(); // the module neither comes nor goes meanwhile
  const module = object_length(patch) ? find_module(object_name(patch), object_length(patch)) : changetype<Module>(0);
  if (changetype<usize>(module)) {
    const state = module_state(module);
    if (state == MODULE_STATE_LIVE || state == MODULE_STATE_COMING) {
      result = place_code(patch, module);
      if (!result) settle_in(patch, module_number(module));
    }
  }
  if (!result) patch.state = KLP_STATE_LOADED;
  unlock_modules();
  return result;
}

/** The host puts its code into every CPU's table, and its memory is as it should be for this module. */
function place_code(patch: Patch, module: Module): i32 {
  const room = PAGE_SIZE << page_order(<i32>patch.rows);
  const status = upcall(UPCALL_OP_PATCH_WAKE, patch.number | (module_number(module) << 8), 0, 0, patch.rows, room);
  return min(status, 0);
}

/** A module is COMING: its patches go in, in the order in which they were enabled. 0, or why the module cannot be loaded. */
export function klp_module_coming(module: Module): i32 {
  let result = 0;
  lock_modules();
  for (let patch = next_of(module, changetype<Patch>(0)); changetype<usize>(patch) && !result; patch = next_of(module, patch)) {
    if (!is_dormant(patch)) continue;
    result = place_code(patch, module);
    if (result == -ENOENT) {
      result = 0; // it is just being taken out
      continue;
    }
    if (!result) {
      result = klp_apply_to_coming(patch.number, module_number(module));
      if (result) take_code(patch);
    }
    if (result) klp_log_both(patch, "patch", " failed for module", ", refusing to load module");
  }
  unlock_modules();
  return result;
}

/** A module is GOING, nobody is inside: its patches are dormant again. */
export function klp_module_going(module: Module): void {
  let round = 0;
  lock_modules();
  for (let patch = last_of(module); changetype<usize>(patch); patch = last_of(module)) {
    if (klp_revert_on_going(patch.number) == -EBUSY) {
      // Its transition may wait for who waits for the lock, and for this task, whose calls so far are all of the loader.
      unlock_modules();
      kgr_task_safe();
      wait_a_little(round++);
      lock_modules();
      continue;
    }
    while (klp_look_for(patch.number)) wait_a_little(round++); // a last return through it
    take_code(patch);
  }
  unlock_modules();
}

function take_code(patch: Patch): void {
  upcall(UPCALL_OP_PATCH_SLEEP, patch.number, 0, 0, 0, 0);
}

/** Of the patches that name `module`, the one that was enabled next after `last`, or the first for null; null behind them. */
@notrace function next_of(module: Module, last: Patch): Patch {
  let found = changetype<Patch>(0);
  for (let number = 0; number < MAX_PATCHES; number++) {
    const patch = patch_at(number);
    if (!names(patch, module) || (changetype<usize>(last) && !is_later(patch, last))) continue;
    if (!changetype<usize>(found) || is_later(found, patch)) found = patch;
  }
  return found;
}

/** The newest of those that are awake in `module`, or null. */
@notrace function last_of(module: Module): Patch {
  let found = changetype<Patch>(0);
  for (let number = 0; number < MAX_PATCHES; number++) {
    const patch = patch_at(number);
    if (!patch_of(number, module)) continue;
    if (!changetype<usize>(found) || is_later(patch, found)) found = patch;
  }
  return found;
}

/** Whether patch `number` is awake in `module`. */
@notrace export function patch_of(number: i32, module: Module): bool {
  const patch = patch_at(number);
  return patch.state != KLP_STATE_NONE && patch.awake == module_number(module) + 1;
}

@notrace function is_later(patch: Patch, than: Patch): bool {
  const order = patch_order(patch);
  return order > patch_order(than) || (order == patch_order(than) && patch.number > than.number);
}

@notrace function names(patch: Patch, module: Module): bool {
  if (patch.state == KLP_STATE_NONE || object_length(patch) != module.name_length) return false;
  return !memory.compare(object_name(patch), module.name, module.name_length);
}
