/**
 * Requests to livepatchd: one at a time, and whoever makes one, or looks at a patch that may go, holds klp_lock().
 */
import {
  EBUSY, EINVAL, KLP_MODEL_KGRAFT, KLP_STATE_DISABLING, KLP_STATE_ENABLED, KLP_STATE_ENABLING, KLP_STATE_LOADED, KLP_STATE_UNLOADING, MAIL_OP_KLP_DISABLE, MAIL_OP_KLP_ENABLE,
} from "../abi";
import { KLP, KLP_MUTEX, KLP_SIZE, KLP_STATE } from "../layout";
import { MUTEX_SIZE, Mutex, mutex_init, mutex_lock, mutex_unlock } from "../lock/mutex";
import { WaitQueue, wake_up } from "../sched/wait";
import { MARK_REDIRECTED, is_enabled, marks_of } from "../trace/state";
import { klp_log } from "./log";
import { Patch, func_at, in_transition, is_covered, is_dormant, patch_at } from "./patch";
import { wait_a_little } from "./poke";
import { KlpState, PHASE_FLIP, klp, phase } from "./state";

if (KLP_MUTEX + MUTEX_SIZE > KLP_SIZE) ERROR("the live patcher's mutex no longer fits layout.ts");

@inline function mutex(): Mutex {
  return changetype<Mutex>(<usize>(KLP + KLP_MUTEX));
}
/** Livepatchd sleeps here. */
@inline export function klp_queue(): WaitQueue {
  return changetype<WaitQueue>(<usize>(KLP + KLP_STATE));
}
/** What livepatchd is to do, MAIL_OP_KLP_*, or 0. */
@inline export function klp_request_now(): i32 {
  return atomic.load<i32>(KLP + KLP_STATE, offsetof<KlpState>("request"));
}

export function klp_lock_init(): void {
  mutex_init(mutex(), "klp");
}
export function klp_lock(): void {
  mutex_lock(mutex());
}
export function klp_unlock(): void {
  mutex_unlock(mutex());
}

/** The kGraft patch on its way in or out, or null. */
@notrace export function moving_patch(): Patch {
  const patch = patch_at(klp().patch);
  return patch.model == KLP_MODEL_KGRAFT && in_transition(patch) ? patch : changetype<Patch>(0);
}

/** Has livepatchd do `op`: 0 when it has begun, or why not. The caller holds klp_lock(). */
export function begin_request(op: i32, patch: Patch): i32 {
  if (klp_request_now()) return -EBUSY; // another patching is not yet finalized
  const enable = op == MAIL_OP_KLP_ENABLE;
  const disable = op == MAIL_OP_KLP_DISABLE;
  if (patch.state != (disable ? KLP_STATE_ENABLED : KLP_STATE_LOADED)) return -EINVAL;
  if (disable && is_covered(patch)) return -EBUSY; // a newer patch lies on top: this patch is still referenced
  if (enable && is_redirected(patch)) {
    klp_log(patch, "a probe redirects a function of");
    return -EBUSY;
  }
  const before = patch.state;
  const next = enable ? KLP_STATE_ENABLING : disable ? KLP_STATE_DISABLING : KLP_STATE_UNLOADING;
  atomic.store<i32>(changetype<usize>(patch), next, offsetof<Patch>("state")); // pairs with any_patch_in_use()
  if (enable && !is_enabled()) {
    patch.state = before;
    return -EBUSY; // tracing, by which calls are led elsewhere, is turned off
  }
  klp().patch = patch.number;
  // Release; pairs with livepatchd's load.
  if (atomic.cmpxchg<i32>(KLP + KLP_STATE, 0, op, offsetof<KlpState>("request")) != 0) {
    patch.state = before;
    return -EBUSY;
  }
  wake_up(klp_queue());
  return 0;
}

/** Begins to take the patch off: 0 or -errno. Under kGraft all tasks are marked by then. The caller holds klp_lock(). */
export function begin_to_disable(patch: Patch): i32 {
  const result = begin_request(MAIL_OP_KLP_DISABLE, patch);
  if (!result && patch.model == KLP_MODEL_KGRAFT) wait_until_marked(patch);
  return result;
}

/**
 * Returns when livepatchd, which begins behind its asker, has marked the tasks that kGraft's transition has to wait for,
 * or the transition is over. The caller holds klp_lock(): no other begins meanwhile.
 */
export function wait_until_marked(patch: Patch): void {
  for (let round = 0; in_transition(patch) && phase() != PHASE_FLIP; round++) wait_a_little(round);
}

/** Whether a redirector has one of its functions; registering one holds klp_lock() too. */
@notrace function is_redirected(patch: Patch): bool {
  if (is_dormant(patch)) return false; // a module's functions have no redirectors
  for (let i = 0; i < patch.count; i++) if (marks_of(func_at(patch, i).slot) & MARK_REDIRECTED) return true;
  return false;
}
