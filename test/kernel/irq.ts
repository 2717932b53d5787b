/** Lines call their handlers as often as they should, and not otherwise; softirqs and tasklets run behind them. */
import { EBUSY, EINVAL, HI_SOFTIRQ, IRQF_SHARED, IRQ_HANDLED, IRQ_LINES, IRQ_NONE } from "../../kernel/abi";
import { cpu_relax, in_hardirq, in_irq, irq_disable, irq_enable, poll } from "../../kernel/cpu/irq";
import { cpu_block, cpu_id } from "../../kernel/cpu/percpu";
import { disable_irq, enable_irq, free_irq, raise_line, request_irq, synchronize_irq } from "../../kernel/irq/line";
import { open_softirq, raise_softirq } from "../../kernel/irq/softirq";
import { Tasklet, tasklet_init, tasklet_schedule } from "../../kernel/irq/tasklet";
import { MACHINE, MACHINE_CPUS, PERCPU_IRQ_BAD, PERCPU_IRQ_LINES } from "../../kernel/layout";
import { yield_cpu } from "../../kernel/sched/core";
import { run_threads, word } from "./harness";

const LINE = 20;
const OTHER = 21;
/** Devices, as those who request the line tell themselves apart. */
const MINE: usize = 1;
const THEIRS: usize = 2;

// Words of the scratch area.
const MISSES = 100;
const BUSY = 101;
const SEEN = 102;
const AGAIN = 103;

function note_cpu(line: i32, device: usize): i32 {
  if (!in_hardirq()) atomic.add<i32>(word(MISSES), 1);
  atomic.add<i32>(word(cpu_id), 1);
  return IRQ_HANDLED;
}

/** Waits until the handler was called on `cpu` and is over: raised before that, the line would be served once more there. */
function line_served(cpu: i32, calls: i32): void {
  while (atomic.load<i32>(word(cpu)) < calls || atomic.load<i32>(cpu_block(cpu), PERCPU_IRQ_LINES)) cpu_relax();
  synchronize_irq(LINE);
}

export function test_line_on_its_cpu(): i32 {
  if (request_irq(LINE, note_cpu, 0, "test", MINE)) return 1;
  for (let round = 1; round <= 3; round++) {
    for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
      raise_line(cpu, LINE);
      line_served(cpu, round);
      if (load<i32>(word(cpu)) != round) return 2;
    }
  }
  if (free_irq(LINE, MINE)) return 3;
  return load<i32>(word(MISSES)) ? 4 : 0;
}

/** Looks whether the line is its own: word AGAIN names the device that called. */
function note_device(line: i32, device: usize): i32 {
  atomic.add<i32>(word(<i32>device), 1);
  return load<i32>(word(AGAIN)) == <i32>device ? IRQ_HANDLED : IRQ_NONE;
}

export function test_shared_line(): i32 {
  if (request_irq(IRQ_LINES, note_device, 0, "test", MINE) != -EINVAL || request_irq(-1, note_device, 0, "test", MINE) != -EINVAL) return 1;
  if (request_irq(LINE, note_device, IRQF_SHARED, "test", 0) != -EINVAL) return 2;
  if (request_irq(LINE, note_device, IRQF_SHARED, "mine", MINE) || request_irq(LINE, note_device, IRQF_SHARED, "theirs", THEIRS)) return 3;
  if (request_irq(LINE, note_device, 0, "test", 3) != -EBUSY) return 4;
  atomic.store<i32>(word(AGAIN), 2);
  raise_line(cpu_id, LINE);
  while (load<i32>(word(<i32>THEIRS)) == 0) cpu_relax();
  if (load<i32>(word(<i32>MINE)) != 1 || free_irq(LINE, MINE) || free_irq(LINE, MINE) != -EINVAL) return 5;
  raise_line(cpu_id, LINE);
  while (load<i32>(word(<i32>THEIRS)) == 1) cpu_relax();
  if (load<i32>(word(<i32>MINE)) != 1 || free_irq(LINE, THEIRS)) return 6;
  return 0;
}

export function test_masked_line(): i32 {
  if (request_irq(LINE, note_cpu, 0, "test", MINE)) return 1;
  irq_disable();
  const cpu = cpu_id;
  raise_line(cpu, LINE);
  poll();
  if (load<i32>(word(cpu))) return 2; // interrupts are off
  irq_enable();
  line_served(cpu, 1);
  disable_irq(LINE);
  disable_irq(LINE);
  for (let i = 0; i < 3; i++) {
    raise_line(cpu, LINE);
    while (atomic.load<i32>(cpu_block(cpu), PERCPU_IRQ_LINES)) cpu_relax();
  }
  enable_irq(LINE);
  poll();
  if (load<i32>(word(cpu)) != 1) return 3; // disabled twice
  enable_irq(LINE);
  let calls = 1;
  while (calls == 1) {
    cpu_relax();
    calls = 0;
    for (let i = 0; i < load<i32>(MACHINE, MACHINE_CPUS); i++) calls += atomic.load<i32>(word(i));
  }
  if (free_irq(LINE, MINE)) return 4;
  return calls == 2 ? 0 : 5; // three raises, one call
}

export function test_spurious_line(): i32 {
  const cpu = cpu_id;
  const before = load<i32>(cpu_block(cpu), PERCPU_IRQ_BAD);
  raise_line(cpu, OTHER);
  while (atomic.load<i32>(cpu_block(cpu), PERCPU_IRQ_BAD) == before) cpu_relax();
  return load<i32>(cpu_block(cpu), PERCPU_IRQ_BAD) == before + 1 ? 0 : 1;
}

/** Must never run on two CPUs. */
function busy_handler(line: i32, device: usize): i32 {
  if (atomic.add<i32>(word(BUSY), 1)) atomic.add<i32>(word(MISSES), 1);
  for (let i = 0; i < 5; i++) cpu_relax();
  atomic.sub<i32>(word(BUSY), 1);
  atomic.add<i32>(word(SEEN), 1);
  return IRQ_HANDLED;
}

function raiser(argument: i32): i32 {
  for (let i = 0; i < 10; i++) {
    for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) raise_line(cpu, LINE);
    yield_cpu();
  }
  return 0;
}

export function test_one_handler_at_a_time(): i32 {
  if (request_irq(LINE, busy_handler, 0, "test", MINE)) return 1;
  if (run_threads(3, raiser)) return 2;
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) while (atomic.load<i32>(cpu_block(cpu), PERCPU_IRQ_LINES)) cpu_relax();
  if (free_irq(LINE, MINE)) return 3;
  const seen = load<i32>(word(SEEN));
  raise_line(cpu_id, LINE);
  cpu_relax();
  if (load<i32>(word(BUSY)) || load<i32>(word(SEEN)) != seen) return 4; // freed: called no more
  return load<i32>(word(MISSES)) || !seen ? 5 : 0;
}

/** Raises itself again and again: more rounds than an interrupt may take. */
function stubborn(): void {
  if (!in_irq() || in_hardirq()) atomic.add<i32>(word(MISSES), 1);
  if (atomic.add<i32>(word(AGAIN), 1) < 100) raise_softirq(HI_SOFTIRQ);
}

function start_stubborn(line: i32, device: usize): i32 {
  raise_softirq(HI_SOFTIRQ);
  return IRQ_HANDLED;
}

export function test_ksoftirqd_takes_over(): i32 {
  open_softirq(HI_SOFTIRQ, stubborn);
  if (request_irq(LINE, start_stubborn, 0, "test", MINE)) return 1;
  raise_line(cpu_id, LINE);
  while (atomic.load<i32>(word(AGAIN)) == 0) cpu_relax();
  const first = atomic.load<i32>(word(AGAIN));
  while (atomic.load<i32>(word(AGAIN)) <= 100) yield_cpu();
  if (free_irq(LINE, MINE)) return 2;
  return load<i32>(word(MISSES)) ? 3 : first > 100 ? 4 : 0;
}

/** A softirq in which an interrupt comes: it is served on top, and is over before the softirq goes on. */
function interrupted_softirq(): void {
  raise_line(cpu_id, LINE);
  poll();
  if (!atomic.load<i32>(word(cpu_id)) || in_hardirq()) atomic.add<i32>(word(MISSES), 1);
  atomic.store<i32>(word(SEEN), 1);
}

export function test_nesting(): i32 {
  open_softirq(HI_SOFTIRQ, interrupted_softirq);
  if (request_irq(LINE, note_cpu, 0, "test", MINE)) return 1;
  raise_softirq(HI_SOFTIRQ); // by a task: ksoftirqd runs it
  while (!atomic.load<i32>(word(SEEN))) yield_cpu();
  if (free_irq(LINE, MINE)) return 2;
  return load<i32>(word(MISSES)) ? 3 : 0;
}

@inline function tasklet(): Tasklet {
  return changetype<Tasklet>(word(200));
}

function lonely_tasklet(argument: i32): void {
  if (argument != 7 || !in_irq()) atomic.add<i32>(word(MISSES), 1);
  if (atomic.add<i32>(word(BUSY), 1)) atomic.add<i32>(word(MISSES), 1);
  for (let i = 0; i < 5; i++) cpu_relax();
  atomic.sub<i32>(word(BUSY), 1);
  atomic.add<i32>(word(SEEN), 1);
}

function scheduler_of_tasklets(argument: i32): i32 {
  for (let i = 0; i < 20; i++) {
    tasklet_schedule(tasklet());
    yield_cpu();
  }
  return 0;
}

export function test_tasklets(): i32 {
  tasklet_init(tasklet(), lonely_tasklet, 7);
  if (run_threads(3, scheduler_of_tasklets)) return 1;
  while (atomic.load<i32>(changetype<usize>(tasklet()), offsetof<Tasklet>("state"))) yield_cpu();
  return load<i32>(word(MISSES)) ? 2 : load<i32>(word(SEEN)) ? 0 : 3;
}
