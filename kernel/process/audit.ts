/**
 * Is everything as it should be on a machine at rest? Each finding is one line.
 *
 * Counts what was there when boot was over and compares. Called when the workload is gone, so that what is left over
 * is a leak, a lost wake-up or a lock that somebody forgot.
 */
import { TASK_RUNNING, TASK_ZOMBIE } from "../abi";
import { clock_ns } from "../cpu/clock";
import { cpu_relax, got_on } from "../cpu/irq";
import { cpu_block, cpu_id } from "../cpu/percpu";
import {
  AUDIT, AUDIT_SIZE, MACHINE, MACHINE_CPUS, PERCPU_LAST_LOCK, PERCPU_LOCKS_HELD, TASK_NAME_SIZE,
} from "../layout";
import { put_number, put_text, put_zero_ended } from "../lib/text";
import { put_inversions } from "../lock/lockdep";
import { put_abandoned, put_mutexes } from "../lock/mutex";
import { SpinLock, spin_lock, spin_unlock } from "../lock/spinlock";
import { tree, vfs_objects, vfs_pages } from "../fs/inode";
import { open_file_count } from "../fs/file";
import { loose_references } from "../fs/lifetime";
import { free_page_count } from "../mm/page";
import { slab_objects, slab_pages } from "../mm/slab";
import { runqueue } from "../sched/runqueue";
import { Task, current, task_state } from "../sched/task";
import { first_task, next_task, tasklist } from "../sched/tasklist";
import { sleep_until } from "../sched/timer";

/** How the machine looked at rest; written once, at the end of boot. */
@unmanaged
class Baseline {
  pages: i32;
  objects: i32;
  tasks: i32;
  /** References to inodes that the tree does not explain: mounts. */
  references: i32;
}
if (<i32>offsetof<Baseline>() > AUDIT_SIZE) ERROR("Baseline no longer fits layout.ts");

@inline function baseline(): Baseline {
  return changetype<Baseline>(<usize>AUDIT);
}

/** Remembers how the machine looks at rest. */
export function audit_baseline(): void {
  baseline().pages = accounted_pages();
  baseline().objects = loose_objects();
  baseline().tasks = tasklist().tasks;
  baseline().references = loose_references(tree().root);
}

/** Pages that are free, or held by somebody who knows: slabs, files. The rest belongs to tasks and pipes. */
function accounted_pages(): i32 {
  return free_page_count() + slab_pages() + vfs_pages();
}

/** Slab objects that no file holds. */
function loose_objects(): i32 {
  return slab_objects() - vfs_objects();
}

/** Waits, a second at most, until kernel threads have finished what they were at. */
function settle(): void {
  for (let i = 0; i < 1000 && !at_rest(); i++) sleep_until(clock_ns() + 1000000);
}

@notrace function at_rest(): bool {
  if (tasklist().tasks != baseline().tasks || accounted_pages() != baseline().pages) return false;
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
    if (cpu != cpu_id && (runqueue(cpu).queued || runqueue(cpu).busy || load<i32>(cpu_block(cpu), PERCPU_LOCKS_HELD))) return false;
  }
  return true;
}

/** Writes what is wrong at `at`, one line each; gives its end. At most a few hundred bytes. */
export function audit(at: usize): usize {
  settle();
  at = check_tasks(at);
  at = compare(at, "tasks not reaped: ", tasklist().tasks - baseline().tasks);
  at = compare(at, "pages leaked: ", baseline().pages - accounted_pages());
  at = compare(at, "slab objects leaked: ", loose_objects() - baseline().objects);
  at = compare(at, "inodes still held: ", loose_references(tree().root) - baseline().references);
  at = compare(at, "files still open: ", open_file_count());
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
    if (cpu == cpu_id) continue; // this CPU runs the audit
    at = compare(at, "tasks still queued: ", runqueue(cpu).queued);
  }
  at = check_locks(put_abandoned(at));
  return DEBUG ? put_inversions(at) : at;
}

@notrace function compare(at: usize, what: string, difference: i32): usize {
  if (!difference) return at;
  return put_text(put_number(put_text(at, what), difference), "\n");
}

/** Every task that is left should be a kernel thread asleep where it waits for work. */
function check_tasks(at: usize): usize {
  spin_lock(tasklist());
  let told = 0;
  for (let task = first_task(); changetype<usize>(task) && told < 8; task = next_task(task)) {
    if (task == current() || !task.on_rq) at = put_mutexes(at, task); // that of others may change while we look
    if (task == current()) continue;
    const state = task_state(task);
    if (state == TASK_RUNNING && task.on_rq) continue;
    if (state != TASK_ZOMBIE && task.waits_on) continue;
    at = put_number(put_text(at, state == TASK_ZOMBIE ? "zombie: pid " : "lost wake-up: pid "), task.pid);
    at = put_text(put_zero_ended(put_text(at, " "), changetype<usize>(task) + offsetof<Task>("name_0"), TASK_NAME_SIZE), "\n");
    told++;
  }
  spin_unlock(tasklist());
  return at;
}

/** Looks that a lock on another CPU may survive: an idle CPU holds one for a few steps at a time. */
const PATIENCE = 10000;

/** A lock that stays held although its CPU has nothing to do. */
function check_locks(at: usize): usize {
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
    const block = cpu_block(cpu);
    for (let looks = 0; looks < PATIENCE && cpu != cpu_id && atomic.load<i32>(block, PERCPU_LOCKS_HELD); looks++) cpu_relax();
    got_on();
    if (cpu == cpu_id || !load<i32>(block, PERCPU_LOCKS_HELD)) continue;
    const lock = changetype<SpinLock>(<usize>load<u32>(block, PERCPU_LAST_LOCK));
    at = put_text(put_text(put_text(at, "lock held: "), changetype<string>(lock.name)), "\n");
  }
  return at;
}
