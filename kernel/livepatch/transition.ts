/**
 * kGraft: every task moves by itself, at its own border; no CPU ever stops.
 *
 *   1 MARKING  every task, idle tasks included, is marked: old universe; children inherit
 *   2 STUBS    every CPU puts slow stubs into its table and answers
 *   3 FLIP     marked tasks move at their borders; kernel threads are woken
 *   4          nobody is marked: interrupts move per CPU, from process context, so that dying tasks are gone too
 *   5 SETTLE   all stacks are looked at: where old frames remain, the stub stays; elsewhere direct entries
 *
 * Nobody moves before step 3, so a task that moved on one CPU never meets a table without stubs on another. Going back
 * is the same road with the sides exchanged.
 */
import { PENDING_RESCHED, TASK_RUNNING, TASK_UNINTERRUPTIBLE, TASK_ZOMBIE } from "../abi";
import { clock_ns } from "../cpu/clock";
import { first_step, last_step, next_step } from "../cpu/give_way";
import { raise_pending } from "../cpu/irq";
import { cpu_block, cpu_id } from "../cpu/percpu";
import { is_present } from "../cpu/present";
import { cpus_read_lock, cpus_read_unlock } from "../hotplug/lock";
import { MACHINE, MACHINE_CPUS, MACHINE_KGR_ASKED, MACHINE_KGR_DONE, MACHINE_KGR_FLIP, PERCPU_IDLE_TASK, PERCPU_KLP_IRQ, PERCPU_RUN_IDLE } from "../layout";
import { pr_debug } from "../lib/debug";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { schedule_on_each_cpu } from "../process/workqueue";
import { nudge, schedule, wake_up_task } from "../sched/core";
import { Task, set_current_state, task_state } from "../sched/task";
import { first_task, next_task, tasklist } from "../sched/tasklist";
import { serve_aside, something_aside } from "./aside";
import { list_entries, list_stubs } from "./entries";
import { index_of, pop_func, publish, publish_top, push_func, set_lingering } from "./func_stack";
import { klp_log } from "./log";
import { HOOK_POST_PATCH, HOOK_POST_UNPATCH, HOOK_PRE_UNPATCH, Patch, can_linger, func_at, patch_name, run_hook, run_pre_patch } from "./patch";
import { poke_all_cpus, poke_present_cpus, wait_a_little } from "./poke";
import { klp_asked, serve_asked } from "./reverse";
import { scan_all_stacks } from "./scan";
import { PHASE_FLIP, PHASE_IDLE, PHASE_MARKING, PHASE_STUBS, klp, phase, set_phase } from "./state";
import { all_moved, kgr_mark, kgr_task_safe } from "./universe";

/** 0, or what the pre-patch hook refused with. Returns when every task has moved, which may take for ever. */
export function kgraft_enable(patch: Patch): i32 {
  const refused = run_pre_patch(patch);
  if (refused) return refused;
  klp_log(patch, "patching in progress");
  move_everybody(patch, 1);
  return 0;
}

/** 0; returns when every task is back. */
export function kgraft_disable(patch: Patch): i32 {
  run_hook(patch, HOOK_PRE_UNPATCH);
  klp_log(patch, "reverting in progress");
  move_everybody(patch, 0);
  return 0;
}

/** Begins with target 1 in, 0 out; it may be turned around on the way. */
function move_everybody(patch: Patch, target: i32): void {
  store<f64>(MACHINE, clock_ns(), MACHINE_KGR_ASKED);
  cpus_read_lock(); // a CPU that comes before phase FLIP would have no mark
  set_phase(PHASE_MARKING);
  mark_everybody();
  set_phase(PHASE_STUBS);
  list_stubs(patch, target);
  first_step();
  poke_present_cpus();
  // Only now, when each CPU has its stubs and knows its context's side.
  for (let i = 0; i < patch.count; i++) {
    const func = func_at(patch, i);
    if (target) push_func(func);
    const slot = func.slot;
    publish(slot, target ? index_of(func.below, slot) : func.index, target ? func.index : index_of(func.below, slot));
  }
  pr_debug("'%s': every task is marked, %d to move", patch_name(patch), klp().remaining);
  store<f64>(MACHINE, clock_ns(), MACHINE_KGR_FLIP);
  set_phase(PHASE_FLIP);
  cpus_read_unlock();
  nudge_everybody();
  for (;;) {
    set_current_state(TASK_UNINTERRUPTIBLE);
    if (all_moved()) break; // else klp_interrupt() finds this task asleep, or about to be
    if (!klp_asked() && !something_aside()) {
      schedule();
      continue;
    }
    set_current_state(TASK_RUNNING);
    if (klp_asked()) serve_asked(patch);
    else serve_aside();
    nudge_everybody(); // others are to move, or passed their border while nobody could
  }
  set_current_state(TASK_RUNNING);
  const in_force = target != klp().reversed;
  pr_debug("'%s': every task has moved", patch_name(patch), 0);
  // A task that was dying when its mark went has no safepoint left: behind a kworker's turn its CPU is rid of it.
  klp().interrupts_moved = 1; // CPUs that come from now on are born moved
  for (let round = 0; schedule_on_each_cpu(interrupts_move) != 0; round++) wait_a_little(round);
  settle(patch, in_force);
  run_hook(patch, in_force ? HOOK_POST_PATCH : HOOK_POST_UNPATCH);
  klp_log(patch, in_force ? "succeeded" : "reverted");
}

/** Whoever is marked is led past his border, or told to go there; livepatchd itself is at its own. */
function nudge_everybody(): void {
  wake_loops();
  run_idle_tasks();
  next_step();
  kgr_task_safe();
}

/** In interrupt context: the last marked task may have moved. */
@notrace export function klp_interrupt(): void {
  if (phase() == PHASE_FLIP && all_moved()) wake_up_task(klp().thread);
}

/** A CPU is about to come: its interrupts begin in the universe that those of the others are in. No round is under way. */
@notrace export function klp_cpu_comes(cpu: i32): void {
  atomic.store<i32>(cpu_block(cpu), klp().interrupts_moved, PERCPU_KLP_IRQ);
}

/** Marks every task that lives, and takes the interrupts of every CPU back to the old universe. */
function mark_everybody(): void {
  spin_lock(tasklist());
  for (let task = first_task(); changetype<usize>(task); task = next_task(task)) {
    if (task_state(task) < TASK_ZOMBIE) kgr_mark(task);
  }
  spin_unlock(tasklist());
  klp().interrupts_moved = 0;
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
    if (!is_present(cpu)) continue; // it will come with nothing on its stack
    atomic.store<i32>(cpu_block(cpu), 0, PERCPU_KLP_IRQ);
    kgr_mark(changetype<Task>(<usize>load<u32>(cpu_block(cpu), PERCPU_IDLE_TASK)));
  }
}

/** In process context on each CPU: no interrupt is under way here, the next one is of the new universe. */
function interrupts_move(cpu: i32): void {
  atomic.store<i32>(cpu_block(cpu_id), 1, PERCPU_KLP_IRQ);
}

/** Sleeping kernel threads and stopped tasks look around once: their loops pass a safe point. */
function wake_loops(): void {
  spin_lock(tasklist());
  for (let task = first_task(); changetype<usize>(task); task = next_task(task)) nudge(task);
  spin_unlock(tasklist());
}

/** A busy CPU never gets to its idle task, which would never pass its border: each runs it once. */
function run_idle_tasks(): void {
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
    atomic.store<i32>(cpu_block(cpu), 1, PERCPU_RUN_IDLE); // pairs with the load in pick_next()
    raise_pending(cpu, PENDING_RESCHED);
  }
}

function settle(patch: Patch, in_force: bool): void {
  for (let i = 0; i < patch.count; i++) {
    const func = func_at(patch, i);
    if (!in_force) pop_func(func);
    publish_top(func.slot);
    set_lingering(func.slot, false);
  }
  if (can_linger(patch)) scan_all_stacks();
  list_entries(patch);
  poke_all_cpus();
  set_phase(PHASE_IDLE);
  store<f64>(MACHINE, clock_ns(), MACHINE_KGR_DONE);
  last_step();
}
