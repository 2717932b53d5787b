/**
 * No model: every CPU changes its entries when it comes by, whoever is inside, and nothing tells old callers from new.
 *
 * The control of experiments. A trip meets both versions, and since no slow stub looks at frame ids, a frame that the
 * old version saved is resumed by the new one: torn, unless both keep the same things in the same places.
 */
import { list_entries, pop_patch, push_patch } from "./entries";
import { klp_log } from "./log";
import { HOOK_POST_PATCH, HOOK_POST_UNPATCH, HOOK_PRE_UNPATCH, Patch, run_hook, run_pre_patch } from "./patch";
import { poke_all_cpus } from "./poke";

/** 0, or what the pre-patch hook refused with. */
export function swap_in(patch: Patch): i32 {
  const refused = run_pre_patch(patch);
  if (refused) return refused;
  swap(patch, true);
  run_hook(patch, HOOK_POST_PATCH);
  klp_log(patch, "swapped in");
  return 0;
}

export function swap_out(patch: Patch): i32 {
  run_hook(patch, HOOK_PRE_UNPATCH);
  swap(patch, false);
  run_hook(patch, HOOK_POST_UNPATCH);
  klp_log(patch, "swapped out");
  return 0;
}

function swap(patch: Patch, into: bool): void {
  if (into) push_patch(patch);
  else pop_patch(patch);
  list_entries(patch);
  poke_all_cpus();
}
