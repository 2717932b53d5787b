/**
 * Loading a kernel module: the host checks and places the code, the kernel decides.
 *
 *   check (host) ─► name free? ─► slots, memory ─► place (host, on every CPU) ─► COMING ─► its live patches ─► parameters
 *   ─► notifiers ─► init() ─► LIVE
 *
 * Whatever fails, what was done before is undone, and the machine is as it was.
 */
import { EEXIST, EINVAL, EIO, ENOMEM, ENOSPC, EPERM, UPCALL_OP_MODULE_CHECK, UPCALL_OP_MODULE_PLACE } from "../abi";
import { taint } from "../lib/taint";
import {
  MACHINE, MACHINE_SPARE_SLOTS, MACHINE_STRIDE, MAX_MODULES, MAX_SLOTS, MODULE_FACTS_BYTES, MODULE_FACTS_NAME, MODULE_FACTS_NAME_LENGTH, MODULE_FACTS_SIZE,
  MODULE_FACTS_SLOTS, MODULE_HEAD_INIT, MODULE_HEAD_ROWS, MODULE_HEAD_ROW_COUNT, MODULE_HEAD_TAINT, MODULE_NAME_SIZE, WORD,
} from "../layout";
import { pr_debug } from "../lib/debug";
import { log_begin, log_bytes, log_end, log_num, log_str, log_zero_ended } from "../lib/printk";
import { klp_owner_going } from "../livepatch/hand";
import { klp_module_coming, klp_module_going } from "../livepatch/objects";
import { klp_alloc } from "../livepatch/requests";
import { kfree, kmalloc, kzalloc } from "../mm/slab";
import { upcall } from "../process/upcall";
import { probes_owner_going } from "../trace/kprobe";
import { tracing_module_comes } from "../trace/modules";
import { add_module_files } from "./files";
import {
  MODULE_NONE, MODULE_STATE_COMING, MODULE_STATE_GOING, MODULE_STATE_LIVE, Module, find_module, lock_modules,
  module_at, module_number, module_state, modules, modules_disabled, notify_modules, set_module_state, unlock_modules,
} from "./module";
import { set_parameters } from "./parameters";
import { remove_module } from "./unload";

/** Loads the module whose file is `length` bytes at `file`: its number, or -errno with nothing changed. */
export function load_module(file: usize, length: i32, parameters: usize, parameters_length: i32): i32 {
  if (modules_disabled()) return -EPERM;
  const facts = kmalloc(MODULE_FACTS_SIZE);
  if (!facts) return -ENOMEM;
  lock_modules();
  const number = place_module(file, length, facts);
  unlock_modules();
  kfree(facts);
  if (number < 0) return number;
  const module = module_at(number);
  pr_debug("%s: coming as number %d", module.name, number);
  let result = klp_module_coming(module);
  if (!result) result = set_parameters(module, parameters, parameters_length);
  if (!result) result = add_module_files(module);
  if (!result) result = notify_modules(MODULE_STATE_COMING, number);
  if (!result) {
    result = run_init(module);
    if (result < 0) log_module(module, "init failed with ", result);
  }
  if (result < 0) {
    set_module_state(module, MODULE_STATE_GOING);
    notify_modules(MODULE_STATE_GOING, number);
    klp_module_going(module);
    klp_owner_going(module);
    probes_owner_going(module);
    lock_modules();
    remove_module(module);
    unlock_modules();
    return result;
  }
  taint(load<i32>(module.block, MODULE_HEAD_TAINT));
  set_module_state(module, MODULE_STATE_LIVE);
  notify_modules(MODULE_STATE_LIVE, number);
  return number;
}

@sleeps function run_init(module: Module): i32 {
  return call_indirect<i32>(load<i32>(module.block, MODULE_HEAD_INIT));
}

/** Has it checked and placed; the module is COMING then. */
function place_module(file: usize, length: i32, facts: usize): i32 {
  const number = free_number();
  if (number < 0) return number;
  memory.fill(facts, 0, MODULE_FACTS_SIZE);
  const status = upcall(UPCALL_OP_MODULE_CHECK, number, file, length, facts, MODULE_FACTS_SIZE);
  const module = module_at(number);
  if (status < 0) {
    log_refusal(facts);
    return status;
  }
  let result = admit(module, facts);
  if (!result) result = fill(module);
  if (result) {
    remove_module(module);
    return result;
  }
  set_module_state(module, MODULE_STATE_COMING);
  return number;
}

@notrace function free_number(): i32 {
  for (let number = 0; number < MAX_MODULES; number++) if (module_state(module_at(number)) == MODULE_NONE) return number;
  return -ENOSPC;
}

/** Name, slots and memory for a module that the host has checked. */
function admit(module: Module, facts: usize): i32 {
  const length = load<i32>(facts, MODULE_FACTS_NAME_LENGTH);
  if (<u32>length > <u32>MODULE_NAME_SIZE) return -EINVAL;
  if (changetype<usize>(find_module(facts + MODULE_FACTS_NAME, length))) return -EEXIST;
  module.name = kzalloc(MODULE_NAME_SIZE);
  if (!module.name) return -ENOMEM;
  memory.copy(module.name, facts + MODULE_FACTS_NAME, length);
  module.name_length = length;
  const slots = load<i32>(facts, MODULE_FACTS_SLOTS);
  const first = free_slots(slots);
  if (!first) return -ENOSPC;
  module.first_slot = first;
  module.slots = slots;
  module.bytes = load<i32>(facts, MODULE_FACTS_BYTES);
  const block = klp_alloc(module.bytes, 0);
  if (block < 0) return block;
  module.block = <usize>block;
  return 0;
}

/** The first gap of `count` slots among those that modules have, or 0. */
@notrace function free_slots(count: i32): i32 {
  const end = min(load<i32>(MACHINE, MACHINE_STRIDE), MAX_SLOTS);
  let first = load<i32>(MACHINE, MACHINE_SPARE_SLOTS);
  for (let number = 0; number < MAX_MODULES && first + count <= end; number++) {
    const module = module_at(number);
    if (!module.slots || module.first_slot >= first + count || module.first_slot + module.slots <= first) continue;
    first = module.first_slot + module.slots;
    number = -1; // once more from the start: the new place may be another's
  }
  return first + count <= end ? first : 0;
}

/** The host puts the code into every CPU's table, and the module's memory is as it should be. */
function fill(module: Module): i32 {
  const words = kmalloc(2 * WORD);
  if (!words) return -ENOMEM;
  store<usize>(words, module.block);
  store<i32>(words, module.first_slot, WORD);
  const status = upcall(UPCALL_OP_MODULE_PLACE, module_number(module), words, 2 * WORD, module.block, module.bytes);
  kfree(words);
  if (status < 0) return status == -EIO ? -ENOMEM : status;
  module.rows = <usize>load<u32>(module.block, MODULE_HEAD_ROWS);
  module.row_count = load<i32>(module.block, MODULE_HEAD_ROW_COUNT);
  module.order = ++modules().loads;
  tracing_module_comes(module);
  return 0;
}

/** What the host says against it. */
function log_refusal(text: usize): void {
  log_begin();
  log_zero_ended(text, MODULE_FACTS_SIZE);
  log_end();
}

export function log_module(module: Module, what: string, number: i32): void {
  log_begin();
  log_bytes(module.name, module.name_length);
  log_str(": ");
  log_str(what);
  log_num(number);
  log_end();
}
