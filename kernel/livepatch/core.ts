/**
 * The live patcher: which patches are loaded, and livepatchd, the kernel thread that carries requests out.
 *
 *   LOADED ──enable──► ENABLING ──► ENABLED ──disable──► DISABLING ──► LOADED ──unload──► UNLOADING ──► NONE
 *
 * One request at a time; a refused one leaves everything as it was. The host waits on MACHINE_KLP_SEQUENCE, which grows
 * with each change.
 */
import {
  ECANCELED, EEXIST, EINVAL, ENOENT, ENOMEM, KLP_DESC_FIRST, KLP_DESC_FUNCTIONS, KLP_DESC_FUNCTION_SIZE, KLP_DESC_HOOKS, KLP_DESC_MODEL, KLP_DESC_NAME,
  KLP_DESC_NAME_LENGTH, KLP_DESC_NAME_SIZE, KLP_DESC_NUMBER, KLP_DESC_OBJECT, KLP_DESC_OBJECT_LENGTH, KLP_DESC_OBJECT_SIZE, KLP_DESC_ROWS,
  KLP_DESC_ROW_COUNT, KLP_MODEL_KGRAFT, KLP_MODEL_KPATCH, KLP_STATE_DISABLING, KLP_STATE_ENABLED,
  KLP_STATE_ENABLING, KLP_STATE_LOADED, KLP_STATE_NONE, MAIL_OP_KLP_DISABLE, MAIL_OP_KLP_ENABLE, MAIL_OP_KLP_UNLOAD, TAINT_LIVEPATCH, TASK_INTERRUPTIBLE,
} from "../abi";
import { end_of_last_stop } from "../cpu/stop";
import { KLP, KLP_STATE, MACHINE, MACHINE_KLP_SEQUENCE, MAX_PATCHES, WORD } from "../layout";
import { panic } from "../lib/printk";
import { taint } from "../lib/taint";
import { kfree, kzalloc } from "../mm/slab";
import { module_at, module_put } from "../module/module";
import { ANY_CPU, kthread_run, kthread_should_stop } from "../process/kthread";
import { schedule } from "../sched/core";
import { TF_URGENT, TF_VITAL, set_flag } from "../sched/task";
import { finish_wait, prepare_to_wait, wait_queue_init } from "../sched/wait";
import { serve_aside, something_aside } from "./aside";
import { add_patch_files, remove_patch_files } from "./files";
import { FUNC_SIZE, is_slot } from "./func_stack";
import { kgraft_files_init } from "./kgraft_files";
import { kpatch_disable, kpatch_enable } from "./kpatch";
import { klp_log, klp_log_object } from "./log";
import { wake_for_loaded } from "./objects";
import { swap_in, swap_out } from "./no_model";
import { FIXED_BYTES, Patch, files_of, func_at, is_dormant, patch_at, patch_name, patch_owner, patch_state, set_object, set_patch_order } from "./patch";
import { begin_request, klp_lock, klp_lock_init, klp_queue, klp_request_now, klp_unlock } from "./request";
import { KlpState, PHASE_IDLE, klp } from "./state";
import { kgraft_disable, kgraft_enable } from "./transition";
import { forget_patch } from "./unload";

/** Starts livepatchd. */
export function klp_start(): void {
  wait_queue_init(klp_queue(), "livepatch");
  klp_lock_init();
  kgraft_files_init();
  klp().phase = PHASE_IDLE;
  const thread = kthread_run(livepatchd, 0, "livepatchd", ANY_CPU);
  if (!changetype<usize>(thread)) panic("no memory for livepatchd");
  set_flag(thread, TF_URGENT | TF_VITAL);
  klp().thread = thread;
}

/** Something changed: the host looks again. */
@notrace export function klp_changed(): void {
  atomic.add<i32>(MACHINE, 1, MACHINE_KLP_SEQUENCE);
  atomic.notify(MACHINE + MACHINE_KLP_SEQUENCE, 1);
}

/** Takes a descriptor (KLP_DESC_*): 0, or why not, with nothing changed. */
export function klp_load(desc: usize): i32 {
  const number = load<i32>(desc, KLP_DESC_NUMBER);
  const count = load<i32>(desc, KLP_DESC_FUNCTIONS);
  if (<u32>number >= <u32>MAX_PATCHES || count < 1 || count > MAX_FUNCTIONS) return -EINVAL;
  const patch = patch_at(number);
  if (patch.state != KLP_STATE_NONE) return -EEXIST;
  for (let i = 0; i < count; i++) if (!is_slot(load<i32>(desc + KLP_DESC_FIRST + <usize>(i * KLP_DESC_FUNCTION_SIZE)))) return -EINVAL;
  const record = kzalloc(FIXED_BYTES + count * FUNC_SIZE);
  if (!record) return -ENOMEM;
  memory.copy(record, desc + KLP_DESC_HOOKS, 4 * WORD);
  patch.more = record;
  set_object(patch, desc + KLP_DESC_OBJECT, min(load<i32>(desc, KLP_DESC_OBJECT_LENGTH), KLP_DESC_OBJECT_SIZE));
  patch.awake = 0;
  patch.rows = <usize>load<u32>(desc, KLP_DESC_ROWS);
  patch.row_count = load<i32>(desc, KLP_DESC_ROW_COUNT);
  patch.model = load<i32>(desc, KLP_DESC_MODEL);
  patch.number = number;
  patch.count = count;
  memory.fill(patch_name(patch), 0, KLP_DESC_NAME_SIZE);
  memory.copy(patch_name(patch), desc + KLP_DESC_NAME, min(load<i32>(desc, KLP_DESC_NAME_LENGTH), KLP_DESC_NAME_SIZE));
  for (let i = 0; i < count; i++) {
    const from = desc + KLP_DESC_FIRST + <usize>(i * KLP_DESC_FUNCTION_SIZE);
    const func = func_at(patch, i);
    func.slot = load<i32>(from);
    func.index = load<i32>(from, WORD);
    func.flags = load<i32>(from, 2 * WORD);
    func.stub = load<i32>(from, 3 * WORD);
    func.patch = number;
  }
  const result = wake_for_loaded(patch);
  if (result < 0) {
    patch.more = 0;
    patch.rows = 0;
    patch.row_count = 0;
    kfree(record);
    return result;
  }
  taint(TAINT_LIVEPATCH);
  klp_log(patch, "loaded patch module");
  return 0;
}
const MAX_FUNCTIONS = 64;

/** Has livepatchd do `op` to patch `number`: 0 when it has begun, or why not. Enabling makes the patch's files. */
export function klp_request(op: i32, number: i32): i32 {
  if (<u32>number >= <u32>MAX_PATCHES || patch_at(number).state == KLP_STATE_NONE) return -ENOENT;
  const patch = patch_at(number);
  klp_lock();
  const enable = op == MAIL_OP_KLP_ENABLE && patch_state(patch) == KLP_STATE_LOADED;
  let result = enable ? add_patch_files(patch) : 0;
  if (!result && enable) set_patch_order(patch, ++klp().enablings);
  if (!result) result = begin_request(op, patch);
  if (result && enable) remove_patch_files(patch);
  klp_unlock();
  return result;
}

function livepatchd(argument: i32): i32 {
  while (!kthread_should_stop()) {
    prepare_to_wait(klp_queue(), TASK_INTERRUPTIBLE);
    if (!klp_request_now() && !something_aside() && !kthread_should_stop()) schedule();
    finish_wait(klp_queue());
    serve_aside();
    if (!klp_request_now()) continue;
    const op = klp_request_now();
    const patch = patch_at(klp().patch);
    klp().reversed = 0;
    const owner = patch_owner(patch);
    const result = carry_out(op, patch);
    const state = state_after(patch, result);
    if (state == KLP_STATE_LOADED) remove_patch_files(patch);
    // A module is held by its patch from when that is to be enabled until it is off.
    if (owner && state == KLP_STATE_LOADED && op != MAIL_OP_KLP_UNLOAD) module_put(module_at(owner - 1));
    klp().result = klp().reversed ? -ECANCELED : result;
    if (patch.more) files_of(patch).result = klp().result;
    // The state last: whoever finds the patch at rest finds the result, and may ask for more.
    atomic.store<i32>(KLP + KLP_STATE, 0, offsetof<KlpState>("request"));
    atomic.store<i32>(changetype<usize>(patch), state, offsetof<Patch>("state"));
    klp_changed();
  }
  return 0;
}

function carry_out(op: i32, patch: Patch): i32 {
  end_of_last_stop();
  if (is_dormant(patch) && (op == MAIL_OP_KLP_ENABLE || op == MAIL_OP_KLP_DISABLE)) {
    // Nobody runs its functions: it only is, or is not, to go in when its module comes.
    klp_log_object(patch, op == MAIL_OP_KLP_ENABLE ? "delaying patch of unloaded module" : "no more patch of unloaded module");
    return 0;
  }
  const model = patch.model;
  if (op == MAIL_OP_KLP_ENABLE) {
    return model == KLP_MODEL_KPATCH ? kpatch_enable(patch) : model == KLP_MODEL_KGRAFT ? kgraft_enable(patch) : swap_in(patch);
  }
  if (op == MAIL_OP_KLP_DISABLE) {
    return model == KLP_MODEL_KPATCH ? kpatch_disable(patch) : model == KLP_MODEL_KGRAFT ? kgraft_disable(patch) : swap_out(patch);
  }
  const result = forget_patch(patch);
  if (result) return result;
  klp_log(patch, "unloaded patch module");
  kfree(patch.more);
  patch.more = 0;
  patch.rows = 0;
  patch.row_count = 0;
  return 0;
}

/** Where a request leads; a transition that was reversed meanwhile has changed the state that it began with. */
@notrace function state_after(patch: Patch, result: i32): i32 {
  const state = patch_state(patch);
  if (state == KLP_STATE_ENABLING) return result ? KLP_STATE_LOADED : KLP_STATE_ENABLED;
  if (state == KLP_STATE_DISABLING) return result ? KLP_STATE_ENABLED : KLP_STATE_LOADED;
  return result ? KLP_STATE_LOADED : KLP_STATE_NONE;
}
