/**
 * Live patches by hand: a kernel module says which functions of the kernel its own ones replace.
 *
 *   const patch = klp_new_patch("name", KLP_MODEL_KGRAFT);        as struct klp_patch
 *   klp_add_func(patch, "old_name", 0, new_function);             as a row of its klp_func array
 *   return klp_enable_patch(patch);                               the last thing in init_module()
 *
 * From then on it is a patch like any other. The module is in use until the patch is off again, and takes it along when it
 * goes. What is wrong with a patch shows when it is enabled, and nothing has changed then.
 */
import {
  EBUSY, EEXIST, EINVAL, ENOMEM, KLP_DESC_FIRST, KLP_DESC_FUNCTIONS, KLP_DESC_FUNCTION_SIZE, KLP_DESC_HOOKS, KLP_DESC_MODEL, KLP_DESC_NAME, KLP_DESC_NAME_LENGTH,
  KLP_DESC_NAME_SIZE, KLP_DESC_NUMBER, KLP_MODEL_KPATCH, KLP_SLEEPS, KLP_STATE_ENABLED, KLP_STATE_ENABLING, KLP_STATE_LOADED, KLP_STATE_NONE,
  MAIL_OP_KLP_DISABLE, MAIL_OP_KLP_ENABLE, MAIL_OP_KLP_UNLOAD,
} from "../abi";
import { MACHINE, MACHINE_SYMBOL_COUNT, MAX_MODULES, MAX_PATCHES, SYMBOL_FRAME, SYMBOL_INDEX, SYMBOL_NAME, SYMBOL_NAME_LENGTH, SYMBOL_SIGNATURE, SYMBOL_SIZE, SYMBOL_SLOT, WORD } from "../layout";
import { log_begin, log_bytes, log_end, log_str } from "../lib/printk";
import { put_text } from "../lib/text";
import { kfree, kmalloc } from "../mm/slab";
import { MODULE_NONE, Module, module_at, module_number, module_put, module_state, try_module_get } from "../module/module";
import { symbol_row } from "../sched/stacktrace";
import { klp_load, klp_request } from "./core";
import { original_index } from "./func_stack";
import { Patch, patch_at, patch_owner, set_patch_owner } from "./patch";
import { wait_a_little } from "./poke";
import { kgr_task_safe } from "./universe";

/** A patch that is being put together: a descriptor whose rows still say what the author said. */
export type KlpPatch = usize;

const MAX_FUNCS = 16;
/** A row before it is looked up: old name, slot of the new function, position among equal names. */
const ROW_NAME = 0;
const ROW_NEW = 4;
const ROW_SYMPOS = 8;
const NAME_MOST = 128;
const SIZE = KLP_DESC_FIRST + MAX_FUNCS * KLP_DESC_FUNCTION_SIZE + NAME_MOST;

/** 0 when there is no memory, which klp_enable_patch() says. */
export function klp_new_patch(name: string, model: i32): KlpPatch {
  const patch = kmalloc(SIZE);
  if (!patch) return 0;
  memory.fill(patch, 0, SIZE);
  store<i32>(patch, model, KLP_DESC_MODEL);
  const length = min(name.length, KLP_DESC_NAME_SIZE);
  for (let i = 0; i < length; i++) store<u8>(patch + KLP_DESC_NAME + i, <u8>name.charCodeAt(i));
  store<i32>(patch, length, KLP_DESC_NAME_LENGTH);
  return patch;
}

/** `sympos` counts from 1 among functions of that name; 0: there is but one. */
@inline export function klp_add_func<F>(patch: KlpPatch, old_name: string, sympos: i32, new_func: F): void {
  klp_add_row(patch, old_name, sympos, load<i32>(changetype<usize>(new_func)));
}

@sleeps export function klp_add_row(patch: KlpPatch, old_name: string, sympos: i32, slot: i32): void {
  const count = patch ? load<i32>(patch, KLP_DESC_FUNCTIONS) : MAX_FUNCS;
  if (patch) store<i32>(patch, count + 1, KLP_DESC_FUNCTIONS);
  if (count >= MAX_FUNCS) return; // klp_enable_patch() finds too many
  const row = row_at(patch, count);
  store<usize>(row, changetype<usize>(old_name), ROW_NAME);
  store<i32>(row, slot, ROW_NEW);
  store<i32>(row, sympos, ROW_SYMPOS);
}

/** Has `fn` called as HOOK_*; that of HOOK_PRE_PATCH may refuse. */
@inline export function klp_set_hook<F>(patch: KlpPatch, hook: i32, fn: F): void {
  if (patch) store<i32>(patch + KLP_DESC_HOOKS + (<usize>hook << 2), original_index(load<i32>(changetype<usize>(fn))));
}

@inline function row_at(patch: KlpPatch, index: i32): usize {
  return patch + KLP_DESC_FIRST + <usize>(index * KLP_DESC_FUNCTION_SIZE);
}

/**
 * 0 when the patch is in force (kpatch), or its transition has begun (kGraft); -EINVAL for functions that there are not,
 * -EEXIST for one named twice, -EBUSY while another patching goes on or a function is in use, or what its hook refused with.
 */
export function klp_enable_patch(patch: KlpPatch): i32 {
  if (!patch) return -ENOMEM;
  const result = enable(patch);
  kfree(patch);
  return result;
}

function enable(desc: KlpPatch): i32 {
  const count = load<i32>(desc, KLP_DESC_FUNCTIONS);
  if (count < 1 || count > MAX_FUNCS || !load<i32>(desc, KLP_DESC_NAME_LENGTH)) return -EINVAL;
  const owner = module_of(load<i32>(row_at(desc, 0), ROW_NEW));
  if (!changetype<usize>(owner)) return -EINVAL;
  const number = free_number();
  if (number < 0) return -ENOMEM;
  store<i32>(desc, number, KLP_DESC_NUMBER);
  for (let i = 0; i < count; i++) {
    const result = resolve(desc, i, owner);
    if (result) return result;
  }
  if (!try_module_get(owner)) return -EINVAL;
  let result = klp_load(desc);
  if (!result) {
    const patch = patch_at(number);
    set_patch_owner(patch, module_number(owner) + 1);
    mark_rows(desc, owner);
    result = klp_request(MAIL_OP_KLP_ENABLE, number);
    if (!result) return load<i32>(desc, KLP_DESC_MODEL) == KLP_MODEL_KPATCH ? outcome(patch) : 0;
    klp_forget_patch(patch);
  }
  module_put(owner);
  return result;
}

/** Waits for the end of an enabling that does not depend on the caller. */
function outcome(patch: Patch): i32 {
  for (let round = 0; atomic.load<i32>(changetype<usize>(patch), offsetof<Patch>("state")) == KLP_STATE_ENABLING; round++) wait_a_little(round);
  if (patch.state != KLP_STATE_LOADED) return 0;
  klp_forget_patch(patch);
  return -EBUSY;
}

/** A disabled patch goes. */
export function klp_forget_patch(patch: Patch): void {
  for (let round = 0; patch.state == KLP_STATE_LOADED; round++) {
    klp_request(MAIL_OP_KLP_UNLOAD, patch.number);
    wait_a_little(round);
  }
  for (let round = 0; patch.state != KLP_STATE_NONE; round++) wait_a_little(round);
}

/** Patches that a module made go with it. One is in force still only if the module's init_module() failed behind it. */
export function klp_owner_going(module: Module): void {
  for (let number = 0; number < MAX_PATCHES; number++) {
    const patch = patch_at(number);
    if (patch.state == KLP_STATE_NONE || patch_owner(patch) != module_number(module) + 1) continue;
    for (let round = 0; patch.state != KLP_STATE_LOADED; round++) {
      if (patch.state == KLP_STATE_ENABLED) klp_request(MAIL_OP_KLP_DISABLE, number);
      kgr_task_safe(); // the transition waits for this task too, whose calls so far are all of the loader
      wait_a_little(round);
    }
    klp_forget_patch(patch);
  }
}

/** From the last one down: those from the first one up are the host's. */
@notrace function free_number(): i32 {
  let number = MAX_PATCHES - 1;
  while (number >= 0 && patch_at(number).state != KLP_STATE_NONE) number--;
  return number;
}

/** The module that the slot is of, or null. */
@notrace export function module_of(slot: i32): Module {
  for (let number = 0; number < MAX_MODULES; number++) {
    const module = module_at(number);
    if (module_state(module) != MODULE_NONE && slot >= module.first_slot && slot < module.first_slot + module.slots) return module;
  }
  return changetype<Module>(0);
}

/** Row `i` as the kernel takes it: slot of the old function, table index of the new one, flags. */
function resolve(desc: KlpPatch, i: i32, owner: Module): i32 {
  const row = row_at(desc, i);
  const fresh = row_of_slot(owner, load<i32>(row, ROW_NEW));
  const name = desc + SIZE - NAME_MOST;
  const text = changetype<string>(load<usize>(row, ROW_NAME));
  if (!fresh || !text.length || text.length > NAME_MOST) return -EINVAL;
  const length = <i32>(put_text(name, text) - name);
  const old = find_function(name, length, load<i32>(row, ROW_SYMPOS));
  if (!old) return -EINVAL;
  const slot = load<i32>(old, SYMBOL_SLOT);
  if (!slot) return refuse("function has no slot", name, length);
  if (load<i32>(fresh, SYMBOL_FRAME) && !load<i32>(old, SYMBOL_FRAME)) return refuse("new version may sleep where the old one may not:", name, length);
  if (load<i32>(fresh, SYMBOL_SIGNATURE) != load<i32>(old, SYMBOL_SIGNATURE)) return refuse("new version has other parameters or another result:", name, length);
  for (let before = 0; before < i; before++) if (load<i32>(row_at(desc, before)) == slot) return -EEXIST;
  store<i32>(row, slot);
  store<i32>(row, load<i32>(fresh, SYMBOL_INDEX), WORD);
  store<i32>(row, load<i32>(old, SYMBOL_FRAME) ? KLP_SLEEPS : 0, 2 * WORD);
  return 0;
}

/** Symbol row of the module's function with that slot, or 0. */
@notrace export function row_of_slot(module: Module, slot: i32): usize {
  for (let place = 0; place < module.row_count; place++) {
    const row = module.rows + <usize>(place * SYMBOL_SIZE);
    if (load<i32>(row, SYMBOL_INDEX) == original_index(slot)) return row;
  }
  return 0;
}

/** Saved frames of the new functions count as frames of the functions that they replace. */
@notrace function mark_rows(desc: KlpPatch, owner: Module): void {
  for (let i = 0; i < load<i32>(desc, KLP_DESC_FUNCTIONS); i++) {
    const row = row_at(desc, i);
    for (let place = 0; place < owner.row_count; place++) {
      const symbol = owner.rows + <usize>(place * SYMBOL_SIZE);
      if (load<i32>(symbol, SYMBOL_INDEX) == load<i32>(row, WORD)) store<i32>(symbol, load<i32>(row), SYMBOL_SLOT);
    }
  }
}

/** Symbol row of the kernel's function of that name, or 0, and the log says why. */
@notrace function find_function(name: usize, length: i32, sympos: i32): usize {
  let found: usize = 0;
  let position = 0;
  for (let id = 1; id < load<i32>(MACHINE, MACHINE_SYMBOL_COUNT); id++) {
    const row = symbol_row(id);
    if (load<i32>(row, SYMBOL_NAME_LENGTH) != length || memory.compare(<usize>load<u32>(row, SYMBOL_NAME), name, length)) continue;
    position++;
    if (!sympos && found) {
      refuse("unresolvable ambiguity for symbol", name, length);
      return 0;
    }
    if (!sympos || position == sympos) found = row;
  }
  if (!found) refuse(position ? "symbol position not found for symbol" : "symbol not found in symbol table:", name, length);
  return found;
}

@notrace function refuse(why: string, name: usize, length: i32): i32 {
  log_begin();
  log_str("livepatch: ");
  log_str(why);
  log_str(" '");
  log_bytes(name, length);
  log_str("'");
  log_end();
  return -EINVAL;
}
