/**
 * How a CPU comes and goes: a table of steps, each with what to do on the way up and on the way down.
 *
 *   offline ─1─► ─2─► … ─n─► online          the table in order; a step that fails: those below it go down again
 *   online ─n─► … ─2─► ─1─► offline          in reverse; a step that fails: those above it come up again
 *
 * Steps up to BRINGUP are made while the CPU is away and cannot fail on the way down; the others while it runs. All are
 * made by whoever brings the CPU up or down, in process context. Rows of others come behind the kernel's own.
 */
import { EAGAIN, EINVAL, ENOSPC } from "../abi";
import { take_over_calls } from "../cpu/ipi";
import { cpu_block } from "../cpu/percpu";
import { set_active } from "../cpu/present";
import { take_over_lines } from "../irq/line";
import { softirq_cpu, take_over_softirqs } from "../irq/softirq";
import { CPUHP_STATES, CPUHP_STATE_SIZE, MAX_CPUHP_STATES, MACHINE, MACHINE_CPUS, PERCPU_HP_FAIL, PERCPU_HP_STATE } from "../layout";
import { put_padded, put_text } from "../lib/text";
import { klp_cpu_comes } from "../livepatch/transition";
import { idle_reset } from "../process/idle";
import { kthread_park, kthread_unpark } from "../process/kthread";
import { workqueue_close, workqueue_open } from "../process/workqueue";
import { close_to_tasks } from "../sched/runqueue";
import { take_over_timers } from "../sched/timer";
import { power_off, power_on } from "./power";

/** 0, or a negative errno: then the CPU goes back to where it was. */
export type CpuCallback = (cpu: i32) => i32;

@unmanaged
class CpuState {
  /** Address of an AssemblyScript string; 0 for a row that nobody has. */
  name: usize;
  up: i32; // table index of its CpuCallback
  down: i32;
}
if (<i32>offsetof<CpuState>() > CPUHP_STATE_SIZE) ERROR("CpuState no longer fits layout.ts");

const OFFLINE = 0;
const BRINGUP = 4;
const FIRST_DYNAMIC = 8;
const ONLINE = MAX_CPUHP_STATES - 1;

@inline function state_at(number: i32): CpuState {
  return changetype<CpuState>(<usize>(CPUHP_STATES + number * CPUHP_STATE_SIZE));
}

export function cpuhp_init(): void {
  set_state(1, "idle:prepare", prepare, forget);
  set_state(2, "timers:dead", nothing, timers_dead);
  set_state(3, "irq:dead", nothing, irq_dead);
  set_state(BRINGUP, "cpu:bringup", power_on, power_off);
  set_state(5, "softirq:online", softirq_online, softirq_offline);
  set_state(6, "workqueue:online", workqueue_online, workqueue_offline);
  set_state(7, "sched:active", sched_active, sched_inactive);
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) store<i32>(cpu_block(cpu), ONLINE, PERCPU_HP_STATE);
}

@sleeps function set_state(number: i32, name: string, up: CpuCallback, down: CpuCallback): void {
  const state = state_at(number);
  state.up = up.index;
  state.down = down.index;
  state.name = changetype<usize>(name);
}

/** Adds a row, for CPUs that come or go from now on: its number, or -ENOSPC. `cpus_write_lock()` is held. */
@sleeps export function cpuhp_setup_state(name: string, up: CpuCallback, down: CpuCallback): i32 {
  for (let number = FIRST_DYNAMIC; number < ONLINE; number++) {
    if (state_at(number).name) continue;
    set_state(number, name, up, down);
    return number;
  }
  return -ENOSPC;
}

/** Takes a row away; `cpus_write_lock()` is held. */
export function cpuhp_remove_state(number: i32): void {
  state_at(number).name = 0;
}

/** Has the next callback of `number` for `cpu` fail, to see what follows: 0, or -EINVAL where none can. */
export function cpuhp_fail(cpu: i32, number: i32): i32 {
  if (number <= OFFLINE || number >= ONLINE || !state_at(number).name) return -EINVAL;
  if (number <= BRINGUP && cpuhp_state(cpu) > BRINGUP) return -EINVAL; // the CPU is dead by then
  store<i32>(cpu_block(cpu), number, PERCPU_HP_FAIL);
  return 0;
}

/** The step that fails next, or -1. */
export function cpuhp_failing(cpu: i32): i32 {
  const number = load<i32>(cpu_block(cpu), PERCPU_HP_FAIL);
  return number ? number : -1;
}

/** The table, a line per step. */
export function put_states(at: usize): usize {
  at = put_text(at, "  0: offline\n");
  for (let number = OFFLINE + 1; number < ONLINE; number++) {
    const name = state_at(number).name;
    if (name) at = put_text(put_text(put_text(put_padded(at, number, 3, 32), ": "), changetype<string>(name)), "\n");
  }
  return put_text(put_padded(at, ONLINE, 3, 32), ": online\n");
}

@inline export function cpuhp_state(cpu: i32): i32 {
  return load<i32>(cpu_block(cpu), PERCPU_HP_STATE);
}
@inline function enter(cpu: i32, number: i32): void {
  store<i32>(cpu_block(cpu), number, PERCPU_HP_STATE);
}

/** From offline to online: 0, or why it is offline again. */
export function climb(cpu: i32): i32 {
  for (let number = OFFLINE + 1; number < ONLINE; number++) {
    const result = is_to_fail(cpu, number) ? -EAGAIN : call(cpu, number, true);
    if (result) {
      while (--number > OFFLINE) call(cpu, number, false);
      enter(cpu, OFFLINE);
      return result;
    }
    enter(cpu, number);
  }
  enter(cpu, ONLINE);
  return 0;
}

/** From online to offline: 0, or why it is online again. */
export function descend(cpu: i32): i32 {
  for (let number = ONLINE - 1; number > OFFLINE; number--) {
    // Below BRINGUP the CPU is dead, and its idle task's stack is not yet: there is no way back.
    const result = number >= BRINGUP && is_to_fail(cpu, number) ? -EAGAIN : call(cpu, number, false);
    if (result) {
      while (++number < ONLINE) call(cpu, number, true);
      enter(cpu, ONLINE);
      return result;
    }
    enter(cpu, number - 1);
  }
  return 0;
}

/** Whether the step was asked to fail, once; on the way back from a failure nothing is asked. */
@notrace function is_to_fail(cpu: i32, number: i32): bool {
  if (!state_at(number).name || load<i32>(cpu_block(cpu), PERCPU_HP_FAIL) != number) return false;
  store<i32>(cpu_block(cpu), 0, PERCPU_HP_FAIL);
  return true;
}

@sleeps function call(cpu: i32, number: i32, up: bool): i32 {
  const state = state_at(number);
  if (!state.name) return 0;
  return call_indirect<i32>(up ? state.up : state.down, cpu);
}

function nothing(cpu: i32): i32 {
  return 0;
}

function prepare(cpu: i32): i32 {
  klp_cpu_comes(cpu);
  return 0;
}

/** Nothing of its idle task's stack is left that a live patch would have to wait for. */
function forget(cpu: i32): i32 {
  idle_reset(cpu);
  return 0;
}

function timers_dead(cpu: i32): i32 {
  take_over_timers(cpu);
  return 0;
}

function irq_dead(cpu: i32): i32 {
  take_over_lines(cpu);
  take_over_calls(cpu);
  take_over_softirqs(cpu);
  return 0;
}

function softirq_online(cpu: i32): i32 {
  kthread_unpark(softirq_cpu(cpu).thread, cpu);
  return 0;
}

function softirq_offline(cpu: i32): i32 {
  kthread_park(softirq_cpu(cpu).thread);
  return 0;
}

function workqueue_online(cpu: i32): i32 {
  workqueue_open(cpu);
  return 0;
}

function workqueue_offline(cpu: i32): i32 {
  workqueue_close(cpu);
  return 0;
}

function sched_active(cpu: i32): i32 {
  set_active(cpu, 1);
  return 0;
}

function sched_inactive(cpu: i32): i32 {
  close_to_tasks(cpu);
  return 0;
}
