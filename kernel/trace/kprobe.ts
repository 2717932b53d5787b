/**
 * Probes of kernel modules: a module's function is told of each call of another function, or stands in for it.
 *
 *   const seen = register_kprobe("pipe_read", count_it);          a number, or -errno
 *   const instead = register_redirector("put_cmdline", mine);     of the same parameters and result
 *   unregister_kprobe(seen);                                      when it returns the function is not called any more
 *
 * Any number of plain probes share a function with each other, with tracers and with live patches, and are told of calls of
 * whatever version. A redirector changes where calls go, and so does a live patch: each refuses the other's function
 * with -EBUSY, whoever comes second. What a module leaves behind is taken away when it goes.
 */
import { EBUSY, EINVAL, ENOMEM, ENOSPC, KLP_STATE_DISABLING, KLP_STATE_ENABLING } from "../abi";
import { MAX_PATCHES, MAX_PROBES, SYMBOL_FRAME, SYMBOL_SIGNATURE } from "../layout";
import { literal_length, put_text } from "../lib/text";
import { log_begin, log_bytes, log_end, log_str } from "../lib/printk";
import { module_of, row_of_slot } from "../livepatch/hand";
import { func_at, is_dormant, patch_at, patch_state } from "../livepatch/patch";
import { klp_lock, klp_unlock } from "../livepatch/request";
import { kfree, kmalloc } from "../mm/slab";
import { Module, module_number } from "../module/module";
import { symbol_row } from "../sched/stacktrace";
import { tracing_lock, tracing_unlock, update_tracing } from "./control";
import { find_slot } from "./find";
import { PROBE_ENDED, PROBE_FREE, PROBE_HANDLER, PROBE_REDIRECTS, Probe, mark_probes, new_probe, probe_at, probe_number } from "./probe";
import { MARK_REDIRECTED, function_of, is_enabled, marks_of, slot_module } from "./state";

/** Gets the probe's number. Runs with interrupts off: it neither sleeps nor waits for anybody, so it takes no lock. */
export type ProbeHandler = (probe: i32) => void;

/** Has `handler` called at each call of the function: a number, or -ENOENT, -EINVAL for a function without slot, -ENOSPC. */
@atomic export function register_kprobe(symbol: string, handler: ProbeHandler): i32 {
  return register_probe(PROBE_HANDLER, symbol, handler.index);
}

/** Has calls of the function go to `instead`: a number, or besides -EINVAL for other parameters or another result, -EBUSY when a patch or another redirector has it. */
@inline export function register_redirector<F>(symbol: string, instead: F): i32 {
  return register_redirection(symbol, load<i32>(changetype<usize>(instead)));
}

@sleeps export function register_redirection(symbol: string, instead: i32): i32 {
  return register_probe(PROBE_REDIRECTS, symbol, instead);
}

function register_probe(kind: i32, symbol: string, index: i32): i32 {
  const owner = module_of(index);
  const name = kmalloc(max(literal_length(symbol), 1));
  if (!name) return -ENOMEM;
  put_text(name, symbol);
  klp_lock(); // no patch begins to go in meanwhile
  tracing_lock();
  const slot = changetype<usize>(owner) ? find_slot(name, literal_length(symbol), 0, 0) : -EINVAL;
  let result = slot < 0 ? slot : kind == PROBE_REDIRECTS ? may_redirect(slot, owner, index) : 0;
  if (!result) result = place(kind, slot, owner, index);
  klp_unlock();
  if (result >= 0) update_tracing();
  tracing_unlock();
  kfree(name);
  return result;
}

/** 0, or why the function of `slot` cannot be led to the module's of slot `index`. */
@notrace function may_redirect(slot: i32, owner: Module, index: i32): i32 {
  const fresh = row_of_slot(owner, index);
  const sleeps = fresh != 0 && load<i32>(fresh, SYMBOL_FRAME) != 0;
  // A module could go while tasks sleep in what stands in for its functions.
  if (!fresh || slot_module(slot) >= 0 || (sleeps && !load<i32>(symbol_row(function_of(slot)), SYMBOL_FRAME))) return -EINVAL;
  if (load<i32>(fresh, SYMBOL_SIGNATURE) != load<i32>(symbol_row(function_of(slot)), SYMBOL_SIGNATURE)) return -EINVAL;
  return marks_of(slot) & MARK_REDIRECTED || !is_enabled() || is_patched(slot) ? -EBUSY : 0;
}

/** Whether a live patch has a function in that slot, or is about to. The caller holds klp_lock(). */
@notrace function is_patched(slot: i32): bool {
  for (let number = 0; number < MAX_PATCHES; number++) {
    const patch = patch_at(number);
    const state = patch_state(patch);
    if (state < KLP_STATE_ENABLING || state > KLP_STATE_DISABLING || is_dormant(patch)) continue;
    for (let i = 0; i < patch.count; i++) if (func_at(patch, i).slot == slot) return true;
  }
  return false;
}

/** Its number, or -ENOSPC. */
@notrace function place(kind: i32, slot: i32, owner: Module, index: i32): i32 {
  const probe = new_probe(kind);
  if (!changetype<usize>(probe)) return -ENOSPC;
  probe.slot = slot;
  probe.index = index;
  probe.owner = module_number(owner) + 1;
  probe.armed = 1;
  mark_probes(slot);
  return probe_number(probe);
}

/** Calls that a probe was told of. */
export function kprobe_hits(number: i32): u32 {
  return atomic.load<u32>(changetype<usize>(probe_at(number)), offsetof<Probe>("hits"));
}

/** Takes a probe away that register_kprobe() or register_redirector() gave. */
export function unregister_kprobe(number: i32): void {
  if (<u32>number >= <u32>MAX_PROBES) return;
  tracing_lock();
  const kind = probe_at(number).kind;
  if (kind == PROBE_HANDLER || kind == PROBE_REDIRECTS) end(probe_at(number));
  tracing_unlock();
}

/** Nobody is told any more; a redirector whose function sleeps leaves its stub, by which frames find their way back. */
@notrace function end(probe: Probe): void {
  const row = probe.kind == PROBE_REDIRECTS ? row_of_slot(module_of(probe.index), probe.index) : 0;
  if (row && load<i32>(row, SYMBOL_FRAME)) probe.kind = PROBE_ENDED;
  else probe.armed = 0;
  mark_probes(probe.slot);
  update_tracing();
  if (!probe.armed) probe.kind = PROBE_FREE;
}

/** A module goes: what it has not unregistered itself is ended. */
export function probes_owner_going(module: Module): void {
  tracing_lock();
  for (let number = 0; number < MAX_PROBES; number++) {
    const probe = probe_at(number);
    if (probe.owner != module_number(module) + 1 || (probe.kind != PROBE_HANDLER && probe.kind != PROBE_REDIRECTS)) continue;
    log_begin();
    log_bytes(module.name, module.name_length);
    log_str(": leaves a probe behind");
    log_end();
    end(probe);
  }
  tracing_unlock();
}

/** No stack holds a frame of the module any more. */
export function probes_owner_gone(module: Module): void {
  let any = false;
  tracing_lock();
  for (let number = 0; number < MAX_PROBES; number++) {
    const probe = probe_at(number);
    if (probe.kind != PROBE_ENDED || probe.owner != module_number(module) + 1) continue;
    probe.kind = PROBE_FREE;
    probe.armed = 0;
    mark_probes(probe.slot);
    any = true;
  }
  if (any) update_tracing();
  tracing_unlock();
}
