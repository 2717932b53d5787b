/**
 * Forgetting a patch: its code and rows may go only when no stack, saved or live, has a frame in them.
 */
import { EBUSY } from "../abi";
import { list_entries } from "./entries";
import { is_lingering, set_lingering } from "./func_stack";
import { Patch, can_linger, func_at, is_dormant } from "./patch";
import { poke_all_cpus } from "./poke";
import { has_frames } from "./scan";
import { PHASE_IDLE, set_phase } from "./state";

/** Frees the slots of a disabled patch from its stubs; -EBUSY while a stack needs one of its versions. */
export function forget_patch(patch: Patch): i32 {
  if (is_dormant(patch) || !can_linger(patch)) return 0; // disabled, its slots have direct entries
  let stubs = false;
  for (let i = 0; i < patch.count; i++) {
    if (is_lingering(func_at(patch, i).slot)) stubs = true;
    set_lingering(func_at(patch, i).slot, false);
  }
  const found = has_frames(patch.number);
  if (stubs) {
    list_entries(patch);
    poke_all_cpus();
  }
  set_phase(PHASE_IDLE);
  return found ? -EBUSY : 0;
}
