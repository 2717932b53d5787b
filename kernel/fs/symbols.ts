/**
 * /proc/kallsyms and /proc/modules: functions by table index, and the patches and modules that bring some of their own.
 */
import { KLP_DESC_NAME_SIZE, KLP_STATE_DISABLING, KLP_STATE_ENABLING, KLP_STATE_NONE } from "../abi";
import { MACHINE, MACHINE_SYMBOLS, MACHINE_SYMBOL_COUNT, MAX_MODULES, MAX_PATCHES, MODULE_NAME_SIZE, PAGE_SIZE, SYMBOL_INDEX, SYMBOL_NAME, SYMBOL_NAME_LENGTH, SYMBOL_SIZE } from "../layout";
import { Patch, patch_at, patch_name, patch_owner } from "../livepatch/patch";
import { put_bytes, put_hex_padded, put_number, put_text, put_zero_ended } from "../lib/text";
import { MAX_ORDER } from "../mm/page";
import { MODULE_NONE, lock_modules, module_at, module_state, unlock_modules } from "../module/module";
import { show_modules } from "../module/report";

/** `01234567 t `, newline, and a patch's or module's name in brackets. */
const AROUND = 12;
const PATCH_ROOM = MODULE_NAME_SIZE + 4;
/** Room for the functions of patches and modules behind the kernel's own. */
const PATCHES_ROOM = 16384;

/** Order of the block that holds all symbols. */
export function symbol_text_order(): i32 {
  let bytes = PATCHES_ROOM;
  let row = <usize>load<u32>(MACHINE, MACHINE_SYMBOLS);
  for (let i = 0; i < load<i32>(MACHINE, MACHINE_SYMBOL_COUNT); i++, row += SYMBOL_SIZE) bytes += AROUND + load<i32>(row, SYMBOL_NAME_LENGTH);
  let order = 0;
  while (order < MAX_ORDER && PAGE_SIZE << order < bytes) order++;
  return order;
}

/** `index kind name`, the index that of the function's own version; functions that own no slot have 0 and a small t. */
export function put_kallsyms(at: usize, limit: usize, subject: i32): usize {
  const first = <usize>load<u32>(MACHINE, MACHINE_SYMBOLS) + SYMBOL_SIZE; // row 0 is unused
  at = put_symbols(at, limit, first, load<i32>(MACHINE, MACHINE_SYMBOL_COUNT) - 1, 0, 0);
  for (let number = 0; number < MAX_PATCHES; number++) {
    const patch = patch_at(number);
    if (patch.state != KLP_STATE_NONE) at = put_symbols(at, limit, patch.rows, patch.row_count, patch_name(patch), KLP_DESC_NAME_SIZE);
  }
  lock_modules();
  for (let number = 0; number < MAX_MODULES; number++) {
    const module = module_at(number);
    if (module_state(module) != MODULE_NONE) at = put_symbols(at, limit, module.rows, module.row_count, module.name, module.name_length);
  }
  unlock_modules();
  return at;
}

@notrace function put_symbols(at: usize, limit: usize, row: usize, rows: i32, owner: usize, owner_length: i32): usize {
  for (let i = 0; i < rows; i++, row += SYMBOL_SIZE) {
    const length = load<i32>(row, SYMBOL_NAME_LENGTH);
    if (length < 0 || at + AROUND + length + PATCH_ROOM > limit) break;
    const index = load<u32>(row, SYMBOL_INDEX);
    at = put_text(put_hex_padded(at, index, 8), index ? " T " : " t ");
    at = put_bytes(at, <usize>load<u32>(row, SYMBOL_NAME), length);
    if (owner) at = put_text(put_zero_ended(put_text(at, "\t["), owner, owner_length), "]");
    at = put_text(at, "\n");
  }
  return at;
}

@notrace export function put_patch_name(at: usize, patch: Patch): usize {
  return put_zero_ended(at, patch_name(patch), KLP_DESC_NAME_SIZE);
}

/** `name size references users state address (taint)`; a patch that is enabled holds itself. */
export function put_modules(at: usize, limit: usize, subject: i32): usize {
  at = show_modules(at, limit);
  for (let number = 0; number < MAX_PATCHES && at + 100 < limit; number++) {
    const patch = patch_at(number);
    if (patch.state == KLP_STATE_NONE || patch_owner(patch)) continue; // a patch made by hand is its module
    at = put_number(put_text(put_patch_name(at, patch), " "), patch.row_count * SYMBOL_SIZE);
    at = put_text(at, patch.state >= KLP_STATE_ENABLING && patch.state <= KLP_STATE_DISABLING ? " 1 - Live 0x" : " 0 - Live 0x");
    at = put_text(put_hex_padded(at, <u32>patch.rows, 8), " (K)\n");
  }
  return at;
}
