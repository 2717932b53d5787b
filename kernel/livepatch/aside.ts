/**
 * What livepatchd does beside requests, at rest or while a transition waits for its tasks: trace stubs come and go, so do
 * the patches of kernel modules that come and go themselves, and stacks are searched for frames of what is to go.
 *
 * A module that is COMING or GOING has nobody inside, so its patches need no model: all calls from then on are of the
 * version that the slots lead to.
 */
import { EBUSY, KLP_MODEL_KPATCH, KLP_STATE_ENABLED, KLP_STATE_NONE, KLP_STATE_UNLOADING } from "../abi";
import { end_of_last_stop } from "../cpu/stop";
import { KLP, KLP_STATE, MACHINE, MACHINE_SPARE_SLOTS, MAX_MODULES, MAX_PATCHES } from "../layout";
import { module_at } from "../module/module";
import { wake_up_task } from "../sched/core";
import { list_entries, pop_patch, push_patch, serve_tracing, tracing_asked } from "./entries";
import { klp_log_both, klp_log_object } from "./log";
import { HOOK_POST_PATCH, HOOK_POST_UNPATCH, HOOK_PRE_UNPATCH, Patch, func_at, patch_at, run_hook, run_pre_patch } from "./patch";
import { poke_all_cpus, wait_a_little } from "./poke";
import { has_frames } from "./scan";
import { KlpState, klp, phase, set_phase } from "./state";

/** The module that `patch` names is coming; its number is above the patch's. */
const ASIDE_COMING = 1 << 16;
const ASIDE_GOING = 2 << 16;
const ASIDE_LOOK = 3 << 16;
const ASIDE_DONE = 4 << 16;
const ASIDE_OP = 255 << 16;
const MODULE_SHIFT = 8;
const NUMBER = 255;
if (MAX_PATCHES + MAX_MODULES > NUMBER) ERROR("an aside's word no longer holds the numbers of all patches and modules");

@inline function asked(): i32 {
  return atomic.load<i32>(KLP + KLP_STATE, offsetof<KlpState>("aside"));
}

/** Whether serve_aside() has something to do. */
@notrace export function something_aside(): bool {
  const step = asked() & ASIDE_OP;
  return tracing_asked() || (step != 0 && step != ASIDE_DONE);
}

/** Livepatchd does it; whoever passed a border meanwhile may not have moved. */
export function serve_aside(): void {
  serve_tracing();
  const step = asked();
  const op = step & ASIDE_OP;
  if (!op || op == ASIDE_DONE) return;
  const number = step & NUMBER;
  const module = (step >> MODULE_SHIFT) & NUMBER;
  klp().aside_result = op == ASIDE_LOOK ? look_for(number) : op == ASIDE_COMING ? apply(patch_at(number), module) : revert(patch_at(number));
  // Behind the result; pairs with the load in ask().
  atomic.store<i32>(KLP + KLP_STATE, ASIDE_DONE, offsetof<KlpState>("aside"));
}

/** Its slots are those of module `number` from now on; an enabled patch is in force there. 0, or its pre-patch hook's refusal. */
export function klp_apply_to_coming(patch: i32, number: i32): i32 {
  return ask(ASIDE_COMING | (number << MODULE_SHIFT) | patch);
}

/** It is dormant from now on. -EBUSY while it is itself in transition. */
export function klp_revert_on_going(patch: i32): i32 {
  return ask(ASIDE_GOING | patch);
}

/** Whether a stack, saved or live, holds a frame of has_frames()'s `number`. */
export function klp_look_for(number: i32): bool {
  return ask(ASIDE_LOOK | number) != 0;
}

/** One caller at a time: the modules' lock is held. */
function ask(step: i32): i32 {
  atomic.store<i32>(KLP + KLP_STATE, step, offsetof<KlpState>("aside")); // before the wake-up; pairs with something_aside()
  wake_up_task(klp().thread);
  for (let round = 0; asked() != ASIDE_DONE; round++) wait_a_little(round);
  const result = klp().aside_result;
  atomic.store<i32>(KLP + KLP_STATE, 0, offsetof<KlpState>("aside"));
  return result;
}

/** Nobody moves meanwhile; then the phase is again what it was. */
function look_for(number: i32): i32 {
  end_of_last_stop();
  const before = phase();
  const found = has_frames(number);
  set_phase(before);
  return found ? 1 : 0;
}

function apply(patch: Patch, number: i32): i32 {
  if (patch.state == KLP_STATE_NONE || patch.state == KLP_STATE_UNLOADING) return 0; // it has left meanwhile
  settle_in(patch, number);
  if (patch.state != KLP_STATE_ENABLED) return 0;
  if (patch.model == KLP_MODEL_KPATCH) klp_log_object(patch, "patching newly loaded module");
  else klp_log_both(patch, "applying patch", " to loading module");
  const refused = run_pre_patch(patch);
  if (refused) {
    move_slots(patch, -1);
    return refused;
  }
  push_patch(patch);
  list_entries(patch);
  poke_all_cpus();
  run_hook(patch, HOOK_POST_PATCH);
  return 0;
}

function revert(patch: Patch): i32 {
  if (klp().patch == patch.number && atomic.load<i32>(KLP + KLP_STATE, offsetof<KlpState>("request"))) return -EBUSY;
  if (!patch.awake) return 0;
  if (patch.state == KLP_STATE_ENABLED) {
    run_hook(patch, HOOK_PRE_UNPATCH);
    klp_log_both(patch, "reverting patch", " on unloading module");
    pop_patch(patch);
    list_entries(patch);
    poke_all_cpus();
    run_hook(patch, HOOK_POST_UNPATCH);
  }
  move_slots(patch, -1);
  return 0;
}

/** Leads the functions of a dormant patch to the slots of module `number`. */
@notrace export function settle_in(patch: Patch, number: i32): void {
  patch.awake = number + 1;
  move_slots(patch, 1);
}

/** Between the slots of its module and those that the patch was built with; -1 makes it dormant. */
@notrace function move_slots(patch: Patch, direction: i32): void {
  const distance = module_at(patch.awake - 1).first_slot - load<i32>(MACHINE, MACHINE_SPARE_SLOTS);
  for (let i = 0; i < patch.count; i++) func_at(patch, i).slot += direction * distance;
  if (direction < 0) patch.awake = 0;
}
