/**
 * All slots of a patch at once: which version is the newest, and the list of pokes that makes tables say so.
 */
import { POKE_MAX } from "../layout";
import { is_wanted } from "../trace/state";
import { entry_of, is_slot, is_traced, pop_func, publish_top, push_func, set_moving, set_settled, set_traced } from "./func_stack";
import { Patch, func_at } from "./patch";
import { poke_all_cpus, pokes_add, pokes_clear } from "./poke";
import { KlpState, klp } from "./state";

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

/** Entries at rest: the newest version itself, but a stub where old frames stay on a stack. */
@notrace export function list_entries(patch: Patch): void {
  pokes_clear();
  for (let i = 0; i < patch.count; i++) {
    const slot = func_at(patch, i).slot;
    set_settled(slot);
    pokes_add(slot, entry_of(slot));
  }
}

/** A slow stub in each, or what lies over it; contexts are to move to the patch's versions, or to those below. */
@notrace export function list_stubs(patch: Patch, target: i32): void {
  pokes_clear();
  for (let i = 0; i < patch.count; i++) {
    const func = func_at(patch, i);
    set_moving(func.slot, target ? func : func.below);
    pokes_add(func.slot, entry_of(func.slot));
  }
}

/** Whether somebody has changed which slots are to be traced. Pairs with the add in update_tracing(). */
@notrace export function tracing_asked(): bool {
  return asked() != klp().traced;
}

@inline function asked(): i32 {
  return atomic.load<i32>(changetype<usize>(klp()), offsetof<KlpState>("trace_asked"));
}

/**
 * Livepatchd puts trace stubs where they are wanted, and takes others away; at rest, or while a transition waits for
 * its tasks. Each CPU passes a safepoint: when this returns no trace stub that was taken away is still running.
 */
export function serve_tracing(): void {
  while (tracing_asked()) {
    const ticket = asked(); // read first: what is changed from here on asks again
    for (let slot = 1; is_slot(slot); ) {
      pokes_clear();
      for (let listed = 0; is_slot(slot) && listed < POKE_MAX; slot++) {
        if (is_traced(slot) == is_wanted(slot)) continue;
        set_traced(slot, is_wanted(slot));
        pokes_add(slot, entry_of(slot));
        listed++;
      }
      poke_all_cpus();
    }
    atomic.store<i32>(changetype<usize>(klp()), ticket, offsetof<KlpState>("traced"));
  }
}
