/**
 * /proc/modules: a line per module, the newest first.
 */
import { TAINT_OOT_MODULE, TAINT_PROPRIETARY_MODULE } from "../abi";
import { MAX_MODULES, MODULE_HEAD_TAINT } from "../layout";
import { put_bytes, put_hex_padded, put_number, put_text } from "../lib/text";
import { MODULE_NONE, MODULE_STATE_COMING, MODULE_STATE_LIVE, Module, lock_modules, module_at, module_state, modules, unlock_modules } from "./module";

/** Longest line. */
const LINE = 160;

/** `hello 4096 0 - Live 0x00000000001c4000 (O)`; gives the end of the text. */
export function show_modules(at: usize, limit: usize): usize {
  lock_modules();
  for (let order = modules().loads; order > 0 && at + LINE < limit; order--) {
    const module = module_of(order);
    if (changetype<usize>(module)) at = put_module(at, module);
  }
  unlock_modules();
  return at;
}

@notrace function module_of(order: i32): Module {
  for (let number = 0; number < MAX_MODULES; number++) {
    const module = module_at(number);
    if (module_state(module) != MODULE_NONE && module.order == order) return module;
  }
  return changetype<Module>(0);
}

function put_module(at: usize, module: Module): usize {
  at = put_text(put_bytes(at, module.name, module.name_length), " ");
  at = put_text(put_number(at, module.bytes), " ");
  at = put_text(put_number(at, atomic.load<i32>(changetype<usize>(module), offsetof<Module>("references"))), " - ");
  const state = module_state(module);
  at = put_text(at, state == MODULE_STATE_LIVE ? "Live" : state == MODULE_STATE_COMING ? "Loading" : "Unloading");
  at = put_hex_padded(put_text(at, " 0x00000000"), <u32>module.block, 8);
  return put_text(put_taint(put_text(at, " ("), load<i32>(module.block, MODULE_HEAD_TAINT)), ")\n");
}

/** The letters of TAINT_*. */
@notrace export function put_taint(at: usize, taint: i32): usize {
  if (taint & TAINT_PROPRIETARY_MODULE) at = put_text(at, "P");
  return taint & TAINT_OOT_MODULE ? put_text(at, "O") : at;
}
