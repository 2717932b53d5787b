/**
 * Loaded kernel modules: the records, who may change them, who is told.
 *
 *   NONE ──load──► COMING ──init() is 0──► LIVE ──unload──► GOING ──► NONE
 *                     └────────init() fails, or a notifier vetoes────►┘
 *
 * A module's code is the host's to place and to take away (up-calls); its memory begins with a head that the host wrote
 * (MODULE_HEAD in layout.ts). Its slots are the kernel's own kind: patches and tracing reach them.
 */
import { MAX_MODULES, MODULES, MODULE_LIST, MODULE_LIST_SIZE, MODULE_SIZE, SYSCTLS, SYSCTL_MODULES_DISABLED, WORD } from "../layout";
import { Mutex, mutex_init, mutex_lock, mutex_unlock } from "../lock/mutex";

/** No such module. */
export const MODULE_NONE = 0;
export const MODULE_STATE_COMING = 1;
export const MODULE_STATE_LIVE = 2;
export const MODULE_STATE_GOING = 3;

/** Written by the holder of lock_modules() unless a line says otherwise. */
@unmanaged
export class Module {
  /** Symbol rows, as a patch has them; read by stack walkers. */
  rows: usize;
  row_count: i32;
  /** MODULE_NONE or MODULE_STATE_*; atomic. */
  state: i32;
  /** Users besides other modules; atomic. */
  references: i32;
  /** Pages: MODULE_HEAD, rows, data, variables. */
  block: usize;
  bytes: i32;
  first_slot: i32;
  slots: i32;
  /** When it was loaded, in loads since boot. */
  order: i32;
  /** A copy of its name, in memory of its own. */
  name: usize;
  name_length: i32;
  /** Its directory in /sys/module, or 0. */
  files: usize;
}
if (<i32>offsetof<Module>() > MODULE_SIZE) ERROR("Module no longer fits layout.ts");

/** A state changed: COMING may be vetoed with -errno. Called in process context with nothing held. */
export type ModuleNotifier = (state: i32, number: i32) => i32;

const MAX_NOTIFIERS = 8;

@unmanaged
class ModuleList extends Mutex {
  loads: i32;
  /** Table indices of the notifiers follow, 0 where there is none. */
}
const NOTIFIERS = <i32>offsetof<ModuleList>();
if (NOTIFIERS + MAX_NOTIFIERS * WORD > MODULE_LIST_SIZE) ERROR("ModuleList no longer fits layout.ts");

@inline export function modules(): ModuleList {
  return changetype<ModuleList>(<usize>MODULE_LIST);
}
@inline export function module_at(number: i32): Module {
  return changetype<Module>(<usize>(MODULES + number * MODULE_SIZE));
}
@inline export function module_number(module: Module): i32 {
  return <i32>((changetype<usize>(module) - MODULES) / MODULE_SIZE);
}
@inline export function module_state(module: Module): i32 {
  return atomic.load<i32>(changetype<usize>(module), offsetof<Module>("state"));
}
@inline export function set_module_state(module: Module, state: i32): void {
  atomic.store<i32>(changetype<usize>(module), state, offsetof<Module>("state"));
}

export function modules_init(): void {
  mutex_init(modules(), "modules");
}

/** Keeps others from changing records; the holder may sleep. */
export function lock_modules(): void {
  mutex_lock(modules());
}

export function unlock_modules(): void {
  mutex_unlock(modules());
}

/** kernel.modules_disabled: nothing is loaded or unloaded any more. */
@inline export function modules_disabled(): bool {
  return load<i32>(SYSCTLS, SYSCTL_MODULES_DISABLED) != 0;
}

/** The module of that name, or null. */
export function find_module(name: usize, length: i32): Module {
  for (let number = 0; number < MAX_MODULES; number++) {
    const module = module_at(number);
    if (module_state(module) == MODULE_NONE || module.name_length != length) continue;
    if (!memory.compare(module.name, name, length)) return module;
  }
  return changetype<Module>(0);
}

/** A reference, which keeps the module loaded; false when it is on its way out. */
export function try_module_get(module: Module): bool {
  const references = changetype<usize>(module) + offsetof<Module>("references");
  atomic.add<i32>(references, 1);
  const state = module_state(module);
  if (state != MODULE_NONE && state < MODULE_STATE_GOING) return true;
  atomic.sub<i32>(references, 1);
  return false;
}

export function module_put(module: Module): void {
  atomic.sub<i32>(changetype<usize>(module) + offsetof<Module>("references"), 1);
}

@inline function notifier(row: i32): usize {
  return MODULE_LIST + NOTIFIERS + (<usize>row << 2);
}

/** Has `fn` called with each change of a module's state; false when too many are registered. */
@sleeps export function register_module_notifier(fn: ModuleNotifier): bool {
  for (let row = 0; row < MAX_NOTIFIERS; row++) if (atomic.cmpxchg<i32>(notifier(row), 0, fn.index) == 0) return true;
  return false;
}

@sleeps export function unregister_module_notifier(fn: ModuleNotifier): void {
  for (let row = 0; row < MAX_NOTIFIERS; row++) if (atomic.cmpxchg<i32>(notifier(row), fn.index, 0) == fn.index) return;
}

/** Tells everybody; 0, or the first veto. */
@sleeps export function notify_modules(state: i32, number: i32): i32 {
  for (let row = 0; row < MAX_NOTIFIERS; row++) {
    const index = atomic.load<i32>(notifier(row));
    const result = index ? call_indirect<i32>(index, state, number) : 0;
    if (result < 0 && state < MODULE_STATE_LIVE) return result;
  }
  return 0;
}
