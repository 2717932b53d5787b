/**
 * What the table entries of a patch's slots should be, by its functions' stacks of versions, as a list of pokes.
 */
import { index_of, is_lingering, slow_stub_index, top_of } from "./func_stack";
import { Patch, func_at } from "./patch";
import { pokes_add, pokes_clear } from "./poke";

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
