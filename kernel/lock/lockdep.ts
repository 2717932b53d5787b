/**
 * The order in which locks are taken, learned and checked; debug builds only.
 *
 *   class     all locks of one name
 *   edge      A → B: B was taken with A held, and by whom first
 *   inversion B is about to be taken with A held, and a chain of edges leads from B to A: were each of its steps taken
 *             by a task at once, none could go on
 *
 * Reported before the lock is waited for, once per pair, with both chains; the machine goes on, and the audit names it.
 * Two locks of one class held at once are an inversion too: nothing says which of them comes first.
 * Spin locks are noted by CPU, mutexes by task; that the one kind is never taken inside the other the wrong way around
 * is what might_sleep() sees to. Reads need no lock: what is stale is looked at again with the lock held.
 */
import { TAINT_WARN } from "../abi";
import { cpu_id, this_cpu } from "../cpu/percpu";
import { step_relax } from "../cpu/switch";
import {
  LOCKDEP, LOCKDEP_CLASSES, LOCKDEP_EDGES, LOCKDEP_EDGE_COUNT, LOCKDEP_EDGE_SIZE, LOCKDEP_FULL, LOCKDEP_LOCK, LOCKDEP_MATRIX, LOCKDEP_MAX_CLASSES,
  LOCKDEP_MAX_EDGES, LOCKDEP_TRAIL, PERCPU_CURRENT, PERCPU_HELD, PERCPU_HELD_MAX, PERCPU_LOCKS_HELD, SPINLOCK_NAME, TASK_NAME, TASK_NAME_SIZE, TASK_PID,
} from "../layout";
import { log_begin, log_end, log_num, log_str, log_zero_ended, printk, log_report_begin, log_report_end } from "../lib/printk";
import { taint } from "../lib/taint";
import { put_text } from "../lib/text";

/** The task that was first, and whether the edge was an inversion. */
@unmanaged
class Edge {
  pid: i32;
  from: u8;
  to: u8;
  inverted: u8;
  cpu: u8;
  name_0: u64;
  name_1: u64;
}
if (<i32>offsetof<Edge>() != LOCKDEP_EDGE_SIZE || TASK_NAME_SIZE != 16) ERROR("Edge no longer fits layout.ts");
if ((LOCKDEP_MAX_CLASSES & (LOCKDEP_MAX_CLASSES - 1)) != 0) ERROR("LOCKDEP_MAX_CLASSES is no power of two");
if (LOCKDEP_MAX_EDGES > 255) ERROR("an edge's number plus one no longer fits a byte of the matrix");

@inline function class_name(number: i32): usize {
  return <usize>load<u32>(<usize>(LOCKDEP + LOCKDEP_CLASSES + (number << 2)));
}
@inline function cell(from: i32, to: i32): usize {
  return <usize>(LOCKDEP + LOCKDEP_MATRIX + from * LOCKDEP_MAX_CLASSES + to);
}
@inline function edge_at(number: i32): Edge {
  return changetype<Edge>(<usize>(LOCKDEP + LOCKDEP_EDGES + number * LOCKDEP_EDGE_SIZE));
}
/** By whom class `number` was reached in the running search, plus one. */
@inline function trail(number: i32): usize {
  return <usize>(LOCKDEP + LOCKDEP_TRAIL + number);
}

/** This CPU is about to wait for spin lock `lock`. */
@notrace export function lockdep_spin(lock: usize): void {
  const held = load<i32>(this_cpu, PERCPU_LOCKS_HELD);
  for (let i = 0; i < held && i < PERCPU_HELD_MAX; i++) lockdep_order(<usize>load<u32>(held_slot(i)), lock);
}

/** This CPU has taken spin lock `lock`, and counts it next. */
@notrace export function lockdep_spin_taken(lock: usize): void {
  const held = load<i32>(this_cpu, PERCPU_LOCKS_HELD);
  if (held < PERCPU_HELD_MAX) store<u32>(held_slot(held), <u32>lock);
}

/** This CPU gives spin lock `lock` back, and still counts it. */
@notrace export function lockdep_spin_released(lock: usize): void {
  const held = min(load<i32>(this_cpu, PERCPU_LOCKS_HELD), PERCPU_HELD_MAX);
  let place = held - 1;
  while (place > 0 && <usize>load<u32>(held_slot(place)) != lock) place--;
  for (; place < held - 1; place++) store<u32>(held_slot(place), load<u32>(held_slot(place + 1)));
}

@inline function held_slot(place: i32): usize {
  return this_cpu + PERCPU_HELD + (<usize>place << 2);
}

/** Lock `inner` is about to be waited for with `outer` held; both begin with a spin lock's record. */
@notrace export function lockdep_order(outer: usize, inner: usize): void {
  const from = find_class(<usize>load<u32>(outer, SPINLOCK_NAME));
  const to = find_class(<usize>load<u32>(inner, SPINLOCK_NAME));
  if (from >= 0 && to >= 0 && load<u8>(cell(from, to))) return;
  learn(<usize>load<u32>(outer, SPINLOCK_NAME), <usize>load<u32>(inner, SPINLOCK_NAME));
}

/** Number of the class `name`: its place in a hash table; -1 when nobody knows it. */
@notrace function find_class(name: usize): i32 {
  const place = place_of(name);
  return place >= 0 && class_name(place) == name ? place : -1;
}

/** Where `name` is, or would be; -1 when the table is full. */
@notrace function place_of(name: usize): i32 {
  for (let i = 0; i < LOCKDEP_MAX_CLASSES; i++) {
    const place = <i32>((name >> 3) + i) & (LOCKDEP_MAX_CLASSES - 1);
    if (class_name(place) == name || !class_name(place)) return place;
  }
  return -1;
}

/** The slow way, which each pair goes once. */
@notrace function learn(outer: usize, inner: usize): void {
  if (!outer || !inner || load<i32>(LOCKDEP, LOCKDEP_FULL)) return;
  // Raw, because it lies below every lock. Pairs with the store below.
  while (atomic.cmpxchg<i32>(LOCKDEP, 0, cpu_id + 1, LOCKDEP_LOCK) != 0) step_relax();
  const from = class_of(outer);
  const to = class_of(inner);
  if (from < 0 || to < 0 || load<i32>(LOCKDEP, LOCKDEP_EDGE_COUNT) == LOCKDEP_MAX_EDGES) give_up();
  else if (!load<u8>(cell(from, to))) {
    const inverted = from == to || leads_to(to, from);
    if (inverted) report(from, to);
    add_edge(from, to, inverted);
  }
  atomic.store<i32>(LOCKDEP, 0, LOCKDEP_LOCK);
}

/** The class of `name`, new if need be; -1 when there is no room. */
@notrace function class_of(name: usize): i32 {
  const place = place_of(name);
  if (place >= 0) store<u32>(<usize>(LOCKDEP + LOCKDEP_CLASSES + (place << 2)), <u32>name);
  return place;
}

@notrace function give_up(): void {
  store<i32>(LOCKDEP, 1, LOCKDEP_FULL);
  printk("the order of locks is not checked any more: too many of them");
}

@notrace function add_edge(from: i32, to: i32, inverted: bool): void {
  const number = load<i32>(LOCKDEP, LOCKDEP_EDGE_COUNT);
  const edge = edge_at(number);
  const task = <usize>load<u32>(this_cpu, PERCPU_CURRENT);
  edge.pid = load<i32>(task, TASK_PID);
  edge.from = <u8>from;
  edge.to = <u8>to;
  edge.inverted = inverted ? 1 : 0;
  edge.cpu = <u8>cpu_id;
  edge.name_0 = load<u64>(task, TASK_NAME);
  edge.name_1 = load<u64>(task, TASK_NAME + 8);
  store<i32>(LOCKDEP, number + 1, LOCKDEP_EDGE_COUNT);
  store<u8>(cell(from, to), <u8>(number + 1));
}

/** Whether a chain of edges leads from `from` to `to`; the trail then leads back from `to`. */
@notrace function leads_to(from: i32, to: i32): bool {
  memory.fill(trail(0), 0, LOCKDEP_MAX_CLASSES);
  store<u8>(trail(from), <u8>(from + 1));
  for (let grown = true; grown; ) {
    grown = false;
    for (let i = 0; i < load<i32>(LOCKDEP, LOCKDEP_EDGE_COUNT); i++) {
      const edge = edge_at(i);
      if (!load<u8>(trail(edge.from)) || load<u8>(trail(edge.to))) continue;
      store<u8>(trail(edge.to), <u8>(edge.from + 1));
      grown = true;
    }
  }
  return load<u8>(trail(to)) != 0;
}

/** What is about to happen, then the chain that says otherwise, outermost lock first. */
@notrace function report(from: i32, to: i32): void {
  taint(TAINT_WARN);
  const task = <usize>load<u32>(this_cpu, PERCPU_CURRENT);
  log_report_begin();
  log_begin();
  log_str("possible circular locking dependency: ");
  log_zero_ended(task + TASK_NAME, TASK_NAME_SIZE);
  log_str("[");
  log_num(load<i32>(task, TASK_PID));
  log_str("] on CPU ");
  log_num(cpu_id);
  log_str(" takes ");
  log_class(to);
  log_str(" and holds ");
  log_class(from);
  log_end();
  log_step(from, to, task + TASK_NAME, load<i32>(task, TASK_PID), "now");
  log_back(to, from);
  log_report_end();
}

/** The steps of the trail from `from` to `to`, in their order. */
@notrace function log_back(from: i32, to: i32): void {
  for (let end = to; from != end; ) {
    // The step that begins at `from`: walk back until there.
    let step = to;
    while (<i32>load<u8>(trail(step)) - 1 != from) step = <i32>load<u8>(trail(step)) - 1;
    const edge = edge_at(<i32>load<u8>(cell(from, step)) - 1);
    log_step(from, step, changetype<usize>(edge) + offsetof<Edge>("name_0"), edge.pid, "before");
    from = step;
  }
}

@notrace function log_step(from: i32, to: i32, task_name: usize, pid: i32, when: string): void {
  log_begin();
  log_str("  ");
  log_class(from);
  log_str(" -> ");
  log_class(to);
  log_str(": ");
  log_str(when);
  log_str(", by ");
  log_zero_ended(task_name, TASK_NAME_SIZE);
  log_str("[");
  log_num(pid);
  log_str("]");
  log_end();
}

@notrace function log_class(number: i32): void {
  log_str(changetype<string>(class_name(number)));
}

/** Writes a line for each inversion that was seen, for the audit. */
@notrace export function put_inversions(at: usize): usize {
  for (let i = 0; i < load<i32>(LOCKDEP, LOCKDEP_EDGE_COUNT); i++) {
    const edge = edge_at(i);
    if (!edge.inverted) continue;
    at = put_text(put_text(at, "possible circular locking dependency: "), changetype<string>(class_name(edge.from)));
    at = put_text(put_text(put_text(at, " -> "), changetype<string>(class_name(edge.to))), "\n");
  }
  return at;
}
