/** Work queues run each item once, on the CPU that was asked for; calls reach every CPU. */
import { Call, send_call, wait_for_call } from "../../kernel/cpu/ipi";
import { cpu_id } from "../../kernel/cpu/percpu";
import { MACHINE, MACHINE_CPUS } from "../../kernel/layout";
import { kfree, kmalloc } from "../../kernel/mm/slab";
import { WORK_SIZE, Work, queue_work_on, schedule_on_each_cpu, work_init } from "../../kernel/process/workqueue";
import { yield_cpu } from "../../kernel/sched/core";
import { run_threads, word } from "./harness";

function note_cpu(cpu: i32): void {
  if (cpu != cpu_id) return;
  atomic.add<i32>(word(cpu), 1);
}

export function test_schedule_on_each_cpu(): i32 {
  for (let round = 1; round <= 3; round++) {
    if (schedule_on_each_cpu(note_cpu)) return 1;
    for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) if (load<i32>(word(cpu)) != round) return 2;
  }
  return 0;
}

function each_cpu_caller(argument: i32): i32 {
  return schedule_on_each_cpu(note_cpu);
}

/** Several callers at once wait each for their own. */
export function test_concurrent_callers(): i32 {
  const result = run_threads(3, each_cpu_caller);
  if (result) return result;
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) if (load<i32>(word(cpu)) != 3) return 2;
  return 0;
}

function count_work(work: usize): void {
  const to = changetype<Work>(work).argument;
  atomic.add<i32>(word(to), 1);
  if (to != cpu_id) atomic.store<i32>(word(100), 1);
}

export function test_queue_work(): i32 {
  const cpus = load<i32>(MACHINE, MACHINE_CPUS);
  const works = kmalloc(WORK_SIZE * cpus);
  for (let cpu = 0; cpu < cpus; cpu++) {
    const work = changetype<Work>(works + <usize>(WORK_SIZE * cpu));
    work_init(work, count_work, cpu);
    if (!queue_work_on(cpu, work)) return 1;
  }
  for (let cpu = 0; cpu < cpus; cpu++) while (!atomic.load<i32>(word(cpu))) yield_cpu();
  // Run on every CPU once more: then the items above are over, and may be freed.
  schedule_on_each_cpu(note_cpu);
  kfree(works);
  return load<i32>(word(100));
}

function note_call(argument: i32): void {
  atomic.add<i32>(word(argument), 1);
}

export function test_calls(): i32 {
  const call = changetype<Call>(kmalloc(<i32>offsetof<Call>()));
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
    send_call(cpu, call, note_call, cpu);
    wait_for_call(call);
    if (load<i32>(word(cpu)) != 1) return cpu + 1;
  }
  kfree(changetype<usize>(call));
  return 0;
}
