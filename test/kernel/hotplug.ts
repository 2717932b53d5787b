/** CPUs go and come step by step; a step that fails has the others taken back, in the opposite order. */
import { EAGAIN, EBUSY, EINVAL, EPERM } from "../../kernel/abi";
import { is_active, is_online, is_present } from "../../kernel/cpu/present";
import { cpu_down, cpu_up } from "../../kernel/hotplug/control";
import { cpus_write_lock, cpus_write_unlock } from "../../kernel/hotplug/lock";
import { cpuhp_fail, cpuhp_remove_state, cpuhp_setup_state } from "../../kernel/hotplug/states";
import { MACHINE, MACHINE_CPUS } from "../../kernel/layout";
import { schedule_on_each_cpu } from "../../kernel/process/workqueue";
import { run_threads, word } from "./harness";

/** Digits of the callbacks that were called, in order. */
const STORY = 100;
const RUNS = 101;

@notrace function tell(digit: i32): i32 {
  store<i32>(word(STORY), load<i32>(word(STORY)) * 10 + digit);
  return 0;
}
function first_up(cpu: i32): i32 {
  return tell(1);
}
function first_down(cpu: i32): i32 {
  return tell(2);
}
function second_up(cpu: i32): i32 {
  return tell(3);
}
function second_down(cpu: i32): i32 {
  return tell(4);
}

function count_run(cpu: i32): void {
  atomic.add<i32>(word(RUNS), 1);
}

@notrace function story(): i32 {
  const told = load<i32>(word(STORY));
  store<i32>(word(STORY), 0);
  return told;
}

/** All CPUs are there, and work. */
function all_there(): bool {
  const cpus = load<i32>(MACHINE, MACHINE_CPUS);
  for (let cpu = 0; cpu < cpus; cpu++) if (!is_present(cpu) || !is_online(cpu) || !is_active(cpu)) return false;
  atomic.store<i32>(word(RUNS), 0);
  return schedule_on_each_cpu(count_run) == 0 && load<i32>(word(RUNS)) == cpus;
}

/** Each of the kernel's own steps fails once, on the way down or up: the CPU is where it was, and works. */
function each_step_fails(last: i32): i32 {
  for (let number = 5; number < 8; number++) {
    if (cpuhp_fail(last, number)) return 10 + number;
    if (cpu_down(last) != -EAGAIN || !all_there()) return 20 + number;
  }
  if (cpuhp_fail(last, 4) != -EINVAL) return 4;
  if (cpu_down(last) || is_present(last)) return 5;
  for (let number = 1; number < 8; number++) {
    if (cpuhp_fail(last, number)) return 30 + number;
    if (cpu_up(last) != -EAGAIN || is_present(last) || is_online(last)) return 40 + number;
  }
  return cpu_up(last) || !all_there() ? 6 : 0;
}

export function test_hotplug_states(): i32 {
  const last = load<i32>(MACHINE, MACHINE_CPUS) - 1;
  if (cpu_down(0) != (last ? -EPERM : -EBUSY) || cpu_down(last + 1) != -EINVAL || cpu_up(-1) != -EINVAL) return 1;
  if (!last) return 0;
  cpus_write_lock();
  const first = cpuhp_setup_state("test:first", first_up, first_down);
  const second = cpuhp_setup_state("test:second", second_up, second_down);
  cpus_write_unlock();
  if (first < 0 || second != first + 1) return 2;
  let result = 0;
  if (cpu_down(last) || story() != 42 || cpu_up(last) || story() != 13) result = 3;
  else if (cpuhp_fail(last, first) || cpu_down(last) != -EAGAIN || story() != 43 || !all_there()) result = 7;
  cpus_write_lock();
  cpuhp_remove_state(second);
  cpuhp_remove_state(first);
  cpus_write_unlock();
  return result ? result : each_step_fails(last);
}

const ROUNDS = 8;
const OVER = 102;

function note_round(cpu: i32): void {
  atomic.add<i32>(word(cpu), 1);
}

@notrace function cpu_twice(): bool {
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) if (atomic.xchg<i32>(word(cpu), 0) > 1) return true;
  return false;
}

/** Two threads: one that goes round the CPUs, and one that has the last of them go and come meanwhile. */
function round_or_toggle(toggles: i32): i32 {
  const last = load<i32>(MACHINE, MACHINE_CPUS) - 1;
  let result = 0;
  if (toggles) while (!result && !atomic.load<i32>(word(OVER))) result = cpu_down(last) ? 3 : cpu_up(last) ? 4 : 0;
  else for (let round = 0; round < ROUNDS && !result; round++) result = schedule_on_each_cpu(note_round) ? 1 : cpu_twice() ? 2 : 0;
  atomic.store<i32>(word(OVER), 1);
  return result;
}

export function test_rounds_during_hotplug(): i32 {
  return load<i32>(MACHINE, MACHINE_CPUS) > 1 ? run_threads(2, round_or_toggle) : 0;
}
