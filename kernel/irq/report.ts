/**
 * What /proc/interrupts and /proc/softirqs say, in Linux's columns.
 */
import { COUNTER_CALLS, COUNTER_RESCHEDS, COUNTER_TICKS, IRQ_LINES, SOFTIRQ_COUNT } from "../abi";
import { cpu_block } from "../cpu/percpu";
import { is_online } from "../cpu/present";
import { MACHINE, MACHINE_CPUS, PAGE_SIZE, PERCPU_COUNTERS, PERCPU_IRQ_BAD, PERCPU_IRQ_COUNTS, PERCPU_SOFTIRQ_COUNTS } from "../layout";
import { literal_length, put_number, put_padded, put_text } from "../lib/text";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { MAX_ORDER } from "../mm/page";
import { line_at } from "./line";

const SPACE: u8 = 32;
const DIGITS = 10;
const COLUMN = 11;

// Interrupts that come over no line.
const VECTORS: StaticArray<string> = ["LOC", "RES", "CAL"];
const VECTOR_COUNTERS: StaticArray<i32> = [COUNTER_TICKS, COUNTER_RESCHEDS, COUNTER_CALLS];
const VECTOR_TEXTS: StaticArray<string> = ["Local timer interrupts", "Rescheduling interrupts", "Function call interrupts"];

const SOFTIRQ_NAMES: StaticArray<string> = ["HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"];

/** Pages that the text needs, as a power of two: a column per CPU, a row per line and per softirq. */
export function interrupts_text_order(): i32 {
  const bytes = (load<i32>(MACHINE, MACHINE_CPUS) + 8) * COLUMN * (IRQ_LINES + VECTORS.length + 2);
  let order = 0;
  while (order < MAX_ORDER && PAGE_SIZE << order < bytes) order++;
  return order;
}

/** Counts at `offset` of every CPU that is online. */
@notrace function put_counts(at: usize, offset: usize): usize {
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
    if (is_online(cpu)) at = put_padded(put_text(at, " "), load<u32>(cpu_block(cpu) + offset), DIGITS, SPACE);
  }
  return at;
}

@notrace function put_cpu_names(at: usize, online: bool): usize {
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
    if (online && !is_online(cpu)) continue;
    at = put_number(put_text(at, "CPU"), cpu);
    at = put_text(at, cpu < 10 ? "       " : "      ");
  }
  return put_text(at, "\n");
}

export function put_interrupts(at: usize, limit: usize, subject: i32): usize {
  at = put_cpu_names(put_text(at, "           "), true);
  for (let number = 0; number < IRQ_LINES; number++) at = put_line(at, number);
  for (let row = 0; row < VECTORS.length; row++) {
    at = put_text(put_text(at, unchecked(VECTORS[row])), ":");
    for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
      const counter = PERCPU_COUNTERS + (<usize>unchecked(VECTOR_COUNTERS[row]) << 3);
      if (is_online(cpu)) at = put_padded(put_text(at, " "), <i64>load<f64>(cpu_block(cpu) + counter), DIGITS, SPACE);
    }
    at = put_text(put_text(put_text(at, "   "), unchecked(VECTOR_TEXTS[row])), "\n");
  }
  let errors: i64 = 0;
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) errors += load<u32>(cpu_block(cpu), PERCPU_IRQ_BAD);
  return put_text(put_padded(put_text(at, "ERR: "), errors, DIGITS, SPACE), "\n");
}

/** A row for a line that somebody has requested: counts, chip, number, names. */
@notrace function put_line(at: usize, number: i32): usize {
  const line = line_at(number);
  spin_lock(line);
  let action = line.actions;
  if (changetype<usize>(action)) {
    at = put_text(put_padded(at, number, 3, SPACE), ":");
    at = put_counts(at, PERCPU_IRQ_COUNTS + (<usize>number << 2));
    at = put_text(put_padded(put_text(at, "     host "), number, 3, SPACE), "-edge      ");
    for (; changetype<usize>(action); action = action.next) {
      at = put_text(at, changetype<string>(action.name));
      if (changetype<usize>(action.next)) at = put_text(at, ", ");
    }
    at = put_text(at, "\n");
  }
  spin_unlock(line);
  return at;
}

/** All CPUs that there can be, as on Linux. */
export function put_softirqs(at: usize, limit: usize, subject: i32): usize {
  at = put_cpu_names(put_text(at, "                    "), false);
  for (let number = 0; number < SOFTIRQ_COUNT; number++) {
    const name = unchecked(SOFTIRQ_NAMES[number]);
    for (let i = literal_length(name); i < 12; i++) at = put_text(at, " ");
    at = put_text(put_text(at, name), ":");
    for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
      const counts = cpu_block(cpu) + PERCPU_SOFTIRQ_COUNTS + (<usize>number << 2);
      at = put_padded(put_text(at, " "), load<u32>(counts), DIGITS, SPACE);
    }
    at = put_text(at, "\n");
  }
  return at;
}
