/**
 * What can be done to a kGraft transition under way: turning it around, and having all tasks move at once.
 *
 *   the asker, with klp_lock()       livepatchd, while it waits for tasks       in the stop
 *   asked = what, wakes livepatchd   stops the machine                          all sides change, or all move
 *   waits until it is taken          asked = NOTHING, nudges everybody anew
 *
 * With every stack in memory the sides of all tasks, of all interrupts and of the two choices of each slot are exchanged
 * at once: each context goes on in the universe that it was in, and those that had moved are the ones to move back.
 */
import { KLP_STATE_DISABLING, KLP_STATE_ENABLING, TASK_ZOMBIE } from "../abi";
import { cpu_block } from "../cpu/percpu";
import { is_present } from "../cpu/present";
import { stop_machine } from "../cpu/stop";
import { MACHINE, MACHINE_CPUS, PERCPU_IDLE_TASK, PERCPU_KLP_IRQ } from "../layout";
import { wake_up_task } from "../sched/core";
import { TF_KGR, Task, clear_flag, has_flag, set_flag, task_state } from "../sched/task";
import { first_task, next_task } from "../sched/tasklist";
import { exchange_choices } from "./func_stack";
import { klp_log } from "./log";
import { Patch, func_at, in_transition, patch_at } from "./patch";
import { pokes_clear, wait_a_little } from "./poke";
import { ASK_FORCE, ASK_NOTHING, KlpState, klp } from "./state";

@inline function asked(): i32 {
  return atomic.load<i32>(changetype<usize>(klp()), offsetof<KlpState>("asked"));
}
@inline function set_asked(what: i32): void {
  atomic.store<i32>(changetype<usize>(klp()), what, offsetof<KlpState>("asked"));
}

/** Has livepatchd do `what` to the transition of `patch`: true when it has, false when the transition ended before. The caller holds klp_lock(). */
export function klp_ask(patch: Patch, what: i32): bool {
  set_asked(what);
  wake_up_task(klp().thread);
  for (let round = 0; asked() == what; round++) {
    if (!in_transition(patch)) {
      set_asked(ASK_NOTHING); // nobody takes it any more, and no request can begin before klp_unlock()
      return false;
    }
    wait_a_little(round);
  }
  return true;
}

@inline export function klp_asked(): bool {
  return asked() != ASK_NOTHING;
}

/** Livepatchd does what was asked: whoever is marked then has to be nudged anew. */
export function serve_asked(patch: Patch): void {
  const force = asked() == ASK_FORCE;
  stop_machine(force ? move_all : exchange_sides, true); // tasks that run learn their side when they go on
  if (!force) {
    const enabling = patch.state == KLP_STATE_DISABLING;
    klp().reversed = 1 - klp().reversed;
    // The file `enabled` says so from now on.
    atomic.store<i32>(changetype<usize>(patch), enabling ? KLP_STATE_ENABLING : KLP_STATE_DISABLING, offsetof<Patch>("state"));
    klp_log(patch, enabling ? "patching in progress" : "reverting in progress");
  } else klp_log(patch, "all processes marked as migrated on admin's request, of");
  set_asked(ASK_NOTHING); // pairs with the asker's load
}

/** In the stop. */
function exchange_sides(): i32 {
  const patch = patch_at(klp().patch);
  pokes_clear();
  for (let i = 0; i < patch.count; i++) exchange_choices(func_at(patch, i).slot);
  klp().interrupts_moved = 1 - klp().interrupts_moved;
  let marked = 0;
  for (let task = first_task(); changetype<usize>(task); task = next_task(task)) {
    if (task_state(task) < TASK_ZOMBIE) marked += exchange(task); // others never run again
  }
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
    if (!is_present(cpu)) continue; // it comes with nothing on its stack, as one that has moved
    atomic.store<i32>(cpu_block(cpu), klp().interrupts_moved, PERCPU_KLP_IRQ);
    marked += exchange(idle_of(cpu));
  }
  set_remaining(marked);
  return 0;
}

/** In the stop. Old frames are found when all stacks are looked at. */
function move_all(): i32 {
  pokes_clear();
  for (let task = first_task(); changetype<usize>(task); task = next_task(task)) {
    if (task_state(task) < TASK_ZOMBIE) unmark(task);
  }
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) if (is_present(cpu)) unmark(idle_of(cpu));
  set_remaining(0);
  return 0;
}

@notrace function idle_of(cpu: i32): Task {
  return changetype<Task>(<usize>load<u32>(cpu_block(cpu), PERCPU_IDLE_TASK));
}

@notrace function set_remaining(tasks: i32): void {
  atomic.store<i32>(changetype<usize>(klp()), tasks, offsetof<KlpState>("remaining"));
}

/** Gives 1 when the task has to move now. */
@notrace function exchange(task: Task): i32 {
  if (has_flag(task, TF_KGR)) return unmark(task);
  set_flag(task, TF_KGR);
  return 1;
}

@notrace function unmark(task: Task): i32 {
  clear_flag(task, TF_KGR);
  atomic.store<i32>(changetype<usize>(task), 0, offsetof<Task>("poked"));
  atomic.store<i32>(changetype<usize>(task), 0, offsetof<Task>("nudged"));
  return 0;
}
