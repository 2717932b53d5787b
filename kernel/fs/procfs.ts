/**
 * /proc: what the machine says of itself. A new file is a row in NAMES, a function in the same place, and a test.
 *
 * What it counts per CPU it reads without asking anybody: sums of a running machine are a moment old. Load averages
 * are not averaged: they are the runnable tasks of now. All time that a CPU was not idle counts as user time.
 */
import { COUNTER_IDLE_NS, COUNTER_INTERRUPTS, COUNTER_SPAWNS, COUNTER_SWITCHES } from "../abi";
import { clock_ns } from "../cpu/clock";
import { cpu_block } from "../cpu/percpu";
import { interrupts_text_order, put_interrupts, put_softirqs } from "../irq/report";
import { MACHINE, MACHINE_CPUS, MACHINE_MEMORY, MACHINE_SEED, PAGE_SIZE, PERCPU_COUNTERS } from "../layout";
import { put_number, put_padded, put_text } from "../lib/text";
import { free_page_count, total_pages } from "../mm/page";
import { slab_pages } from "../mm/slab";
import { runqueue } from "../sched/runqueue";
import { last_pid, task_count } from "../sched/tasklist";
import { Show, add_text } from "./attributes";
import { Inode, failed, vfs_pages } from "./inode";
import { put_filesystems, put_mounts } from "./mounts";
import { put_kallsyms, put_modules, symbol_text_order } from "./symbols";

const NAMES: StaticArray<string> = [
  "uptime", "meminfo", "version", "cmdline", "stat", "cpuinfo", "loadavg", "modules", "mounts", "filesystems"];
const SHOWS: StaticArray<Show> = [
  put_uptime, put_meminfo, put_version, put_cmdline, put_stat, put_cpuinfo, put_loadavg, put_modules, put_mounts, put_filesystems];

/** Fills /proc, but for the directories of tasks. */
@sleeps export function procfs_init(proc: Inode): void {
  for (let row = 0; row < NAMES.length; row++) add_text(proc, unchecked(NAMES[row]), 0o444, unchecked(SHOWS[row]), 0);
  const symbols = add_text(proc, "kallsyms", 0o444, put_kallsyms, 0);
  if (!failed(symbols)) symbols.order = symbol_text_order();
  const interrupts = add_text(proc, "interrupts", 0o444, put_interrupts, 0);
  const softirqs = add_text(proc, "softirqs", 0o444, put_softirqs, 0);
  if (!failed(interrupts)) interrupts.order = interrupts_text_order();
  if (!failed(softirqs)) softirqs.order = interrupts_text_order();
}

@inline function cpus(): i32 {
  return load<i32>(MACHINE, MACHINE_CPUS);
}
@inline function counter(cpu: i32, which: i32): f64 {
  return load<f64>(cpu_block(cpu) + PERCPU_COUNTERS + (<usize>which << 3));
}
@notrace function sum(which: i32): i64 {
  let total: f64 = 0;
  for (let cpu = 0; cpu < cpus(); cpu++) total += counter(cpu, which);
  return <i64>total;
}

function put_uptime(at: usize, limit: usize, subject: i32): usize {
  at = put_seconds(at, clock_ns());
  let idle: f64 = 0;
  for (let cpu = 0; cpu < cpus(); cpu++) idle += counter(cpu, COUNTER_IDLE_NS);
  return put_text(put_seconds(put_text(at, " "), idle), "\n");
}

@notrace function put_seconds(at: usize, ns: f64): usize {
  const centiseconds = <i64>(ns / 10000000);
  return put_padded(put_text(put_number(at, centiseconds / 100), "."), centiseconds % 100, 2, 48);
}

function put_meminfo(at: usize, limit: usize, subject: i32): usize {
  at = put_size(at, "MemTotal:     ", total_pages());
  at = put_size(at, "MemFree:      ", free_page_count());
  at = put_size(at, "MemAvailable: ", free_page_count());
  at = put_size(at, "Shmem:        ", vfs_pages());
  return put_size(at, "Slab:         ", slab_pages());
}

@notrace function put_size(at: usize, name: string, pages: i32): usize {
  return put_text(put_padded(put_text(at, name), pages * (PAGE_SIZE >> 10), 10, 32), " kB\n");
}

function put_version(at: usize, limit: usize, subject: i32): usize {
  return put_text(at, "wasm-livepatch version 0.1.0 (AssemblyScript) SMP\n");
}

/** What the host made this machine with. */
function put_cmdline(at: usize, limit: usize, subject: i32): usize {
  at = put_number(put_text(at, "cpus="), cpus());
  at = put_number(put_text(at, " memory="), load<u32>(MACHINE, MACHINE_MEMORY) >> 20);
  return put_text(put_number(put_text(at, "M seed="), load<u32>(MACHINE, MACHINE_SEED)), "\n");
}

/** Time in 1/100 s: user nice system idle iowait irq softirq steal guest guest_nice. */
@notrace function put_cpu_times(at: usize, busy: i64, idle: i64): usize {
  at = put_number(put_text(put_number(put_text(at, " "), busy), " 0 0 "), idle);
  return put_text(at, " 0 0 0 0 0 0\n");
}

function put_stat(at: usize, limit: usize, subject: i32): usize {
  const now = <i64>(clock_ns() / 10000000);
  const idle = sum(COUNTER_IDLE_NS) / 10000000;
  at = put_cpu_times(put_text(at, "cpu "), max<i64>(now * cpus() - idle, 0), idle);
  let running = 0;
  for (let cpu = 0; cpu < cpus(); cpu++) {
    const own = <i64>(counter(cpu, COUNTER_IDLE_NS) / 10000000);
    at = put_cpu_times(put_number(put_text(at, "cpu"), cpu), max<i64>(now - own, 0), own);
    running += runqueue(cpu).queued + runqueue(cpu).busy;
  }
  at = put_number(put_text(at, "intr "), sum(COUNTER_INTERRUPTS));
  at = put_number(put_text(at, "\nctxt "), sum(COUNTER_SWITCHES));
  at = put_number(put_text(at, "\nbtime 0\nprocesses "), sum(COUNTER_SPAWNS));
  at = put_number(put_text(at, "\nprocs_running "), running);
  return put_text(at, "\nprocs_blocked 0\n");
}

function put_cpuinfo(at: usize, limit: usize, subject: i32): usize {
  for (let cpu = 0; cpu < cpus(); cpu++) {
    at = put_number(put_text(at, "processor\t: "), cpu);
    at = put_text(at, "\nmodel name\t: WebAssembly\n\n");
  }
  return at;
}

function put_loadavg(at: usize, limit: usize, subject: i32): usize {
  let running = 0;
  for (let cpu = 0; cpu < cpus(); cpu++) running += runqueue(cpu).queued + runqueue(cpu).busy;
  for (let i = 0; i < 3; i++) at = put_text(put_number(at, running), ".00 ");
  at = put_number(put_text(put_number(at, running), "/"), task_count());
  return put_text(put_number(put_text(at, " "), last_pid()), "\n");
}
