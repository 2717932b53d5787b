/**
 * The kernel log: a ring of bytes that the host drains, and panic(), which ends it.
 *
 * A line is built in the CPU's own block with interrupts off and goes into the ring in one piece, so lines of
 * different CPUs never mix; neither does what a CPU logs between log_report_begin() and log_report_end(). The ring forgets its
 * oldest bytes; HEAD counts all that were ever written.
 */
import { PENDING_PANIC, STATE_PANIC } from "../abi";
import { clock_ns } from "../cpu/clock";
import { cpu_block, cpu_id, this_cpu } from "../cpu/percpu";
import {
  LOG, LOG_HEAD, LOG_LOCK, LOG_TEXT, LOG_TEXT_SIZE, MACHINE, MACHINE_CPUS, MACHINE_PANIC_CPU, MACHINE_STATE, PERCPU_IRQ_OFF,
  PERCPU_LINE, PERCPU_LINE_LENGTH, PERCPU_LINE_SIZE, PERCPU_PENDING,
} from "../layout";
import { put_hex, put_number, put_padded } from "./text";

/** Starts a line: the time since boot in seconds, as dmesg shows it. Interrupts stay off until log_end(). */
@notrace export function log_begin(): void {
  store<i32>(this_cpu, load<i32>(this_cpu, PERCPU_IRQ_OFF) + 1, PERCPU_IRQ_OFF);
  const us = <i64>(clock_ns() / 1000);
  let at = this_cpu + PERCPU_LINE;
  store<u8>(at++, 91); // '['
  at = put_padded(at, us / 1000000, 5, 32);
  store<u8>(at++, 46); // '.'
  at = put_padded(at, us % 1000000, 6, 48);
  store<u16>(at, 0x205d); // "] "
  store<i32>(this_cpu, <i32>(at + 2 - this_cpu) - PERCPU_LINE, PERCPU_LINE_LENGTH);
}

@notrace function room_for(bytes: i32): bool {
  return load<i32>(this_cpu, PERCPU_LINE_LENGTH) + bytes < PERCPU_LINE_SIZE;
}

@inline function cursor(): usize {
  return this_cpu + PERCPU_LINE + load<i32>(this_cpu, PERCPU_LINE_LENGTH);
}

@inline function advance_to(at: usize): void {
  store<i32>(this_cpu, <i32>(at - this_cpu) - PERCPU_LINE, PERCPU_LINE_LENGTH);
}

/** Adds bytes; what does not fit the line is cut. */
@notrace export function log_bytes(from: usize, length: i32): void {
  const room = PERCPU_LINE_SIZE - 1 - load<i32>(this_cpu, PERCPU_LINE_LENGTH);
  const taken = min(length, room);
  memory.copy(cursor(), from, taken);
  advance_to(cursor() + taken);
}

/** Adds bytes up to a zero, at most `most`. */
@notrace export function log_zero_ended(from: usize, most: i32): void {
  let length = 0;
  while (length < most && load<u8>(from + length)) length++;
  log_bytes(from, length);
}

@notrace export function log_str(text: string): void {
  const from = changetype<usize>(text);
  const length = <i32>(load<u32>(from - 4) >> 1);
  for (let i = 0; i < length && room_for(1); i++) {
    store<u8>(cursor(), load<u8>(from + (i << 1)));
    advance_to(cursor() + 1);
  }
}

@notrace export function log_char(char: u8): void {
  if (!room_for(1)) return;
  store<u8>(cursor(), char);
  advance_to(cursor() + 1);
}

@notrace export function log_num(value: i64): void {
  if (room_for(20)) advance_to(put_number(cursor(), value));
}

@notrace export function log_hex(value: u32): void {
  if (room_for(8)) advance_to(put_hex(cursor(), value));
}

/** Ends the line and puts it into the ring. */
@notrace export function log_end(): void {
  store<u8>(cursor(), 10);
  advance_to(cursor() + 1);
  const mine = load<i32>(LOG, LOG_LOCK) == cpu_id + 1;
  if (!mine) take_log();
  append_line();
  if (!mine) release_log();
  store<i32>(this_cpu, load<i32>(this_cpu, PERCPU_IRQ_OFF) - 1, PERCPU_IRQ_OFF);
}

/**
 * Until log_report_end(), lines of other CPUs wait. Nothing may happen meanwhile that waits for another CPU, which may be
 * waiting for the log; on the stepped platform nothing may that steps, since a trap logs where nobody can wait.
 */
@notrace export function log_report_begin(): void {
  store<i32>(this_cpu, load<i32>(this_cpu, PERCPU_IRQ_OFF) + 1, PERCPU_IRQ_OFF);
  take_log();
}

@notrace export function log_report_end(): void {
  release_log();
  store<i32>(this_cpu, load<i32>(this_cpu, PERCPU_IRQ_OFF) - 1, PERCPU_IRQ_OFF);
}

/** Raw, because a spin lock reports its own trouble here. A CPU that trapped may have it already. */
@bare export function take_log(): void {
  if (load<i32>(LOG, LOG_LOCK) == cpu_id + 1) return;
  // Acquire; pairs with release_log(). Stepped, no other CPU gets its turn while one has it: somebody stepped in a report.
  while (atomic.cmpxchg<i32>(LOG, 0, cpu_id + 1, LOG_LOCK) != 0) if (STEPPED) unreachable();
}

/** Does nothing to a log that another CPU has. */
@bare export function release_log(): void {
  atomic.cmpxchg<i32>(LOG, cpu_id + 1, 0, LOG_LOCK); // pairs with take_log()
}

@bare function append_line(): void {
  const head = load<u32>(LOG, LOG_HEAD);
  const length = load<i32>(this_cpu, PERCPU_LINE_LENGTH);
  for (let i = 0; i < length; i++) {
    store<u8>(LOG + LOG_TEXT + (head + i) % LOG_TEXT_SIZE, load<u8>(this_cpu + PERCPU_LINE + i));
  }
  atomic.store<u32>(LOG, head + length, LOG_HEAD); // release; pairs with the host's load before it reads the bytes
}

/** One line of fixed text. */
@notrace export function printk(text: string): void {
  log_begin();
  log_str(text);
  log_end();
}

/** The machine is lost: marks the state, interrupts every CPU. The first CPU to panic is the one that is reported. */
@bare export function lose_machine(): void {
  atomic.cmpxchg<i32>(MACHINE, 0, cpu_id + 1, MACHINE_PANIC_CPU);
  atomic.store<i32>(MACHINE, STATE_PANIC, MACHINE_STATE); // pairs with the host's load after a trap
  for (let cpu = 0; cpu < load<i32>(MACHINE, MACHINE_CPUS); cpu++) {
    atomic.or<i32>(cpu_block(cpu), PENDING_PANIC, PERCPU_PENDING);
    atomic.notify(cpu_block(cpu) + PERCPU_PENDING, 1);
  }
}

/** Stops the machine for good, and leaves by a trap that the host recognises. Call with the log taken and the reason logged. */
@bare export function die(): void {
  lose_machine();
  unreachable();
}

@bare export function panic(reason: string): void {
  take_log();
  log_begin();
  log_str("Kernel panic - not syncing: ");
  log_str(reason);
  log_end();
  die();
}

/** Debug builds only: panics with `rule` unless it holds. */
@inline export function invariant(holds: bool, rule: string): void {
  if (DEBUG && !holds) panic(rule);
}
