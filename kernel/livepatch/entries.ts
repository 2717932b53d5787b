/**
 * All slots of a patch at once: which version is the newest, and the list of pokes that makes tables say so.
 */
import { index_of, is_lingering, pop_func, publish_top, push_func, slow_stub_index, top_of } from "./func_stack";
import { Patch, func_at } from "./patch";
import { pokes_add, pokes_clear } from "./poke";

/** Makes the patch's functions the newest of their slots, for everybody. */
@notrace export function push_patch(patch: Patch): void {
  for (let i = 0; i < patch.count; i++) {
    push_func(func_at(patch, i));
    publish_top(func_at(patch, i).slot);
  }
}

/** Takes them off again. */
@notrace export function pop_patch(patch: Patch): void {
  for (let i = 0; i < patch.count; i++) {
    pop_func(func_at(patch, i));
    publish_top(func_at(patch, i).slot);
  }
}

/** Entries at rest: the newest version itself, but a slow stub where old frames stay on a stack. */
@notrace export function list_entries(patch: Patch): void {
  pokes_clear();
  for (let i = 0; i < patch.count; i++) {
    const slot = func_at(patch, i).slot;
    pokes_add(slot, is_lingering(slot) ? slow_stub_index(slot) : index_of(top_of(slot), slot));
  }
}

/** A slow stub in each. */
@notrace export function list_stubs(patch: Patch): void {
  pokes_clear();
  for (let i = 0; i < patch.count; i++) pokes_add(func_at(patch, i).slot, slow_stub_index(func_at(patch, i).slot));
}
