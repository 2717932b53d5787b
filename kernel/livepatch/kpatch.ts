/**
 * kpatch: stop the machine, look at every stack, switch all at once or not at all.
 *
 * The last CPU to stop decides. A function that must not be in use is on no saved stack then, and every stack is
 * saved; so the switch needs no universe. Functions that cannot sleep are on no stack at a safepoint: none is saved or
 * looked at for a patch of such. A function with KLP_FORCE is switched although stacks hold its old frames: its slow stub stays, and rewound calls
 * go where their frame says.
 */
import { EBUSY, KLP_FORCE, TASK_ZOMBIE } from "../abi";
import { stop_machine } from "../cpu/stop";
import { MACHINE, MACHINE_CPUS, PERCPU_IDLE_TASK, SYMBOL_INDEX, SYMBOL_SLOT, WORD } from "../layout";
import { cpu_block } from "../cpu/percpu";
import { first_task, next_task } from "../sched/tasklist";
import { frame_below, symbol_row } from "../sched/stacktrace";
import { Task, stack_base, task_state } from "../sched/task";
import { list_entries, pop_patch, push_patch } from "./entries";
import { klp_log } from "./log";
import { Func, index_of, set_lingering, top_of } from "./func_stack";
import { HOOK_POST_PATCH, HOOK_POST_UNPATCH, HOOK_PRE_UNPATCH, Patch, can_linger, func_at, patch_at, run_hook, run_pre_patch } from "./patch";
import { pokes_clear } from "./poke";
import { report_offender } from "./report";
import { klp } from "./state";

/** 0, what the pre-patch hook refused with, or -EBUSY with the offender in the report. */
export function kpatch_enable(patch: Patch): i32 {
  const refused = run_pre_patch(patch);
  if (refused) return refused;
  const result = stop_machine(decide_enable, can_linger(patch));
  if (result) run_hook(patch, HOOK_POST_UNPATCH);
  klp_log(patch, result ? "could not enable" : "enabled patch module");
  return result;
}

/** 0, or -EBUSY with the offender in the report. */
export function kpatch_disable(patch: Patch): i32 {
  const result = stop_machine(decide_disable, can_linger(patch));
  if (!result) run_hook(patch, HOOK_POST_UNPATCH);
  klp_log(patch, result ? "could not disable" : "disabled patch module");
  return result;
}

/** In the stop. */
function decide_enable(): i32 {
  const patch = patch_at(klp().patch);
  pokes_clear();
  if (in_use(patch)) return -EBUSY;
  push_patch(patch);
  run_hook(patch, HOOK_POST_PATCH);
  list_entries(patch);
  return 0;
}

/** In the stop. */
function decide_disable(): i32 {
  const patch = patch_at(klp().patch);
  pokes_clear();
  if (in_use(patch)) return -EBUSY;
  run_hook(patch, HOOK_PRE_UNPATCH);
  pop_patch(patch);
  list_entries(patch);
  return 0;
}

/** Whether any task is inside the active version of a function of `patch`; forced functions, and older versions, only linger. */
@notrace function in_use(patch: Patch): bool {
  for (let i = 0; i < patch.count; i++) set_lingering(func_at(patch, i).slot, false);
  if (!can_linger(patch)) return false;
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
    if (blocks(patch, changetype<Task>(<usize>load<u32>(cpu_block(cpu), PERCPU_IDLE_TASK)))) return true;
  }
  for (let task = first_task(); changetype<usize>(task); task = next_task(task)) {
    if (task_state(task) < TASK_ZOMBIE && blocks(patch, task)) return true;
  }
  return false;
}

@notrace function blocks(patch: Patch, task: Task): bool {
  let end = task.stack_pos;
  while (end > stack_base(task)) {
    const start = frame_below(task, end);
    if (!start) return report_offender(task, 0);
    const row = symbol_row(load<u32>(end - WORD));
    const func = func_of(patch, load<i32>(row, SYMBOL_SLOT));
    if (changetype<usize>(func)) {
      const active = load<i32>(row, SYMBOL_INDEX) == index_of(top_of(func.slot), func.slot);
      if (active && !(func.flags & KLP_FORCE)) return report_offender(task, row);
      set_lingering(func.slot, true); // forced, or left over by a kGraft patch: this frame needs the stub
    }
    end = start;
  }
  return false;
}

@notrace function func_of(patch: Patch, slot: i32): Func {
  if (slot) for (let i = 0; i < patch.count; i++) if (func_at(patch, i).slot == slot) return func_at(patch, i);
  return changetype<Func>(0);
}
