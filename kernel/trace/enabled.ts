/**
 * kernel.ftrace_enabled: 0 takes every trace stub away. Live patches and redirectors come by the same slots, so each refuses
 * the other; plain probes are told nothing then.
 *
 *   who turns tracing off         who enables a patch
 *   enabled = 0                   state = ENABLING
 *   a patch in use? then 1, EBUSY enabled == 0? then LOADED, EBUSY
 */
import { EBUSY, KLP_STATE_LOADED } from "../abi";
import { MAX_PATCHES } from "../layout";
import { Patch, patch_at } from "../livepatch/patch";
import { any_marked, tracing_lock, tracing_unlock, update_tracing } from "./control";
import { MARK_REDIRECTED, Tracing, tracing } from "./state";

/** 0, or -EBUSY while a patch or a redirector is in use, with tracing as it was. */
@notrace export function enabled_set(value: i32): i32 {
  tracing_lock();
  set(value);
  const refused = !value && (any_patch_in_use() || any_marked(MARK_REDIRECTED));
  if (refused) set(1);
  else update_tracing();
  tracing_unlock();
  return refused ? -EBUSY : 0;
}

@notrace function set(value: i32): void {
  atomic.store<i32>(changetype<usize>(tracing()), value, offsetof<Tracing>("enabled")); // pairs with klp_request()
}

@notrace function any_patch_in_use(): bool {
  for (let number = 0; number < MAX_PATCHES; number++) {
    if (atomic.load<i32>(changetype<usize>(patch_at(number)), offsetof<Patch>("state")) > KLP_STATE_LOADED) return true;
  }
  return false;
}
