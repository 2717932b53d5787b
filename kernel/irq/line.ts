/**
 * Interrupt lines: which handlers a line calls, and when it may.
 *
 *   raised on a CPU (a bit in PERCPU_IRQ_LINES) ─► handle_line() ─► each action of the line, in the order of requests
 *
 *   what is true of the line        what a raise does
 *   nobody has requested it         is counted as an error (ERR in /proc/interrupts)
 *   disabled, to any depth          waits: one call follows when it is enabled
 *   its handlers run elsewhere      that CPU calls them once more; so they never run on two CPUs, but with IRQF_PERCPU
 *
 * A line whose raises nobody wants is turned off, as on Linux: 99,900 of 100,000.
 */
import { EBUSY, EINVAL, ENOMEM, IRQF_PERCPU, IRQF_SHARED, IRQ_LINES, IRQ_NONE, PENDING_IRQ } from "../abi";
import { begin_irq_trip, cpu_relax, got_on, in_irq, raise_pending } from "../cpu/irq";
import { cpu_block, cpu_id, this_cpu } from "../cpu/percpu";
import { is_present } from "../cpu/present";
import { LINES, LINE_SIZE, PERCPU_IRQ_BAD, PERCPU_IRQ_COUNTS, PERCPU_IRQ_LINES } from "../layout";
import { invariant, log_begin, log_end, log_num, log_str } from "../lib/printk";
import { SpinLock, spin_lock, spin_lock_init, spin_unlock } from "../lock/spinlock";
import { kfree, kmalloc } from "../mm/slab";

/** Called in interrupt context with its line and what it was requested with: IRQ_HANDLED, or IRQ_NONE if its device wants nothing. */
export type IrqHandler = (line: i32, device: usize) => i32;

/** A request, as long as it stands. */
@unmanaged
export class IrqAction {
  next: IrqAction;
  fn: i32; // table index of its IrqHandler
  device: usize;
  flags: i32;
  /** Address of an AssemblyScript string. */
  name: usize;
}

/** The lock guards all fields but `running`. */
@unmanaged
export class IrqLine extends SpinLock {
  actions: IrqAction;
  /** Nesting of disable_irq(). */
  depth: i32;
  /** CPUs inside the handlers; atomic. */
  running: i32;
  /** It was raised while it could not be served. */
  again: i32;
  /** Of the last EVENTS at most: how often it was raised, and how often in vain. */
  events: i32;
  unhandled: i32;
}
if (<i32>offsetof<IrqLine>() > LINE_SIZE || IRQ_LINES != 32) ERROR("IrqLine no longer fits layout.ts");

const EVENTS = 100000;
const TOO_MANY = 99900;

@inline export function line_at(number: i32): IrqLine {
  return changetype<IrqLine>(<usize>(LINES + number * LINE_SIZE));
}
@inline function running(line: IrqLine): i32 {
  return atomic.load<i32>(changetype<usize>(line), offsetof<IrqLine>("running"));
}

export function lines_init(): void {
  for (let number = 0; number < IRQ_LINES; number++) spin_lock_init(line_at(number), "irq line");
}

/**
 * Has raises of line `number` call `handler` with `device`, which tells it from others on the same line: 0, -EBUSY when
 * the line is taken by somebody who does not share it, or -EINVAL or -ENOMEM.
 */
@atomic export function request_irq(number: i32, handler: IrqHandler, flags: i32, name: string, device: usize): i32 {
  if (<u32>number >= <u32>IRQ_LINES || (flags & IRQF_SHARED && !device)) return -EINVAL;
  const action = changetype<IrqAction>(kmalloc(<i32>offsetof<IrqAction>()));
  if (!changetype<usize>(action)) return -ENOMEM;
  action.next = changetype<IrqAction>(0);
  action.fn = handler.index;
  action.device = device;
  action.flags = flags;
  action.name = changetype<usize>(name);
  const line = line_at(number);
  spin_lock(line);
  const first = line.actions;
  const fits = !changetype<usize>(first) || (first.flags & flags & IRQF_SHARED && (first.flags & IRQF_PERCPU) == (flags & IRQF_PERCPU));
  if (fits) append(line, action);
  spin_unlock(line);
  if (fits) return 0;
  kfree(changetype<usize>(action));
  return -EBUSY;
}

@notrace function append(line: IrqLine, action: IrqAction): void {
  let last = line.actions;
  if (!changetype<usize>(last)) {
    line.actions = action;
    line.depth = 0;
    line.again = 0;
    line.events = 0;
    line.unhandled = 0;
    return;
  }
  while (changetype<usize>(last.next)) last = last.next;
  last.next = action;
}

/** Takes `device`'s request back; behind it the handler runs on no CPU. -EINVAL when there is none. Not in interrupt. */
export function free_irq(number: i32, device: usize): i32 {
  if (<u32>number >= <u32>IRQ_LINES) return -EINVAL;
  const line = line_at(number);
  spin_lock(line);
  let before = changetype<IrqAction>(0);
  let action = line.actions;
  while (changetype<usize>(action) && action.device != device) {
    before = action;
    action = action.next;
  }
  if (changetype<usize>(action)) {
    if (changetype<usize>(before)) before.next = action.next;
    else line.actions = action.next;
  }
  spin_unlock(line);
  if (!changetype<usize>(action)) return -EINVAL;
  synchronize_irq(number);
  kfree(changetype<usize>(action));
  return 0;
}

/** Waits until the line's handlers run nowhere. Not in interrupt, where it could wait for itself. */
export function synchronize_irq(number: i32): void {
  invariant(!in_irq(), "synchronize_irq() in interrupt");
  while (running(line_at(number))) cpu_relax(); // pairs with the sub in serve()
  got_on();
}

/** Keeps the line's handlers from being called until a matching enable_irq(); those that run are waited for. */
export function disable_irq(number: i32): void {
  disable_irq_nosync(number);
  synchronize_irq(number);
}

/** The same without waiting: for the handler itself. */
export function disable_irq_nosync(number: i32): void {
  spin_lock(line_at(number));
  line_at(number).depth += 1;
  spin_unlock(line_at(number));
}

/** Undoes one disable_irq(); what was raised meanwhile calls the handlers once, here. */
export function enable_irq(number: i32): void {
  const line = line_at(number);
  spin_lock(line);
  invariant(line.depth > 0, "enable_irq() without disable_irq()");
  line.depth -= 1;
  const replay = !line.depth && line.again;
  if (replay) line.again = 0;
  spin_unlock(line);
  if (replay) raise_line(cpu_id, number);
}

/** Raises a line on a CPU, as a device does. Any context. */
@notrace export function raise_line(cpu: i32, number: i32): void {
  atomic.or<i32>(cpu_block(cpu), 1 << number, PERCPU_IRQ_LINES); // before the bit that has it looked at
  raise_pending(cpu, PENDING_IRQ);
  if (!is_present(cpu)) take_over_lines(cpu); // it has gone, and may not have seen this one
}

/** Raises here what is up on a CPU that is away. */
@notrace export function take_over_lines(cpu: i32): void {
  const lines = atomic.xchg<i32>(cpu_block(cpu), 0, PERCPU_IRQ_LINES);
  if (!lines) return;
  atomic.or<i32>(this_cpu, lines, PERCPU_IRQ_LINES);
  raise_pending(cpu_id, PENDING_IRQ);
}

/** In interrupt context: serves the lines that are up on this CPU. */
@notrace @atomic export function handle_lines(): void {
  // Pairs with the or in raise_line() and in the host.
  for (let lines = atomic.xchg<i32>(this_cpu, 0, PERCPU_IRQ_LINES); lines; lines &= lines - 1) {
    begin_irq_trip();
    handle_line(<i32>ctz(lines));
  }
}

@notrace @atomic function handle_line(number: i32): void {
  const counts = this_cpu + PERCPU_IRQ_COUNTS + (<usize>number << 2);
  store<u32>(counts, load<u32>(counts) + 1);
  const line = line_at(number);
  const first = line.actions;
  if (changetype<usize>(first) && first.flags & IRQF_PERCPU) return serve_percpu(line, number);
  spin_lock(line);
  if (!changetype<usize>(line.actions)) store<u32>(this_cpu, load<u32>(this_cpu, PERCPU_IRQ_BAD) + 1, PERCPU_IRQ_BAD);
  else if (line.depth || running(line)) line.again = 1;
  else serve(line, number);
  spin_unlock(line);
}

/** Calls the handlers, and once more whenever the line was raised meanwhile. The line is locked, but for the calls. */
@notrace @atomic function serve(line: IrqLine, number: i32): void {
  atomic.store<i32>(changetype<usize>(line), 1, offsetof<IrqLine>("running"));
  do {
    line.again = 0;
    const first = line.actions;
    spin_unlock(line);
    const handled = call_actions(first, number);
    spin_lock(line);
    note(line, number, handled);
  } while (line.again && !line.depth && changetype<usize>(line.actions));
  atomic.store<i32>(changetype<usize>(line), 0, offsetof<IrqLine>("running")); // release; pairs with synchronize_irq()
}

/** Without the lock: other CPUs may be at it. */
@notrace @atomic function serve_percpu(line: IrqLine, number: i32): void {
  // Counted before the actions are looked at: pairs with free_irq(), which unlinks before it waits.
  atomic.add<i32>(changetype<usize>(line), 1, offsetof<IrqLine>("running"));
  if (line.depth) line.again = 1;
  else call_actions(line.actions, number);
  atomic.sub<i32>(changetype<usize>(line), 1, offsetof<IrqLine>("running"));
}

@notrace @atomic function call_actions(first: IrqAction, number: i32): i32 {
  let handled = IRQ_NONE;
  for (let action = first; changetype<usize>(action); action = action.next) handled |= call_indirect<i32>(action.fn, number, action.device);
  return handled;
}

/** Keeps count of raises that no handler wanted; a line that is nothing else is turned off. The line is locked. */
@notrace function note(line: IrqLine, number: i32, handled: i32): void {
  if (handled == IRQ_NONE) line.unhandled += 1;
  line.events += 1;
  if (line.events < EVENTS) return;
  if (line.unhandled > TOO_MANY) {
    line.depth += 1;
    log_begin();
    log_str("irq ");
    log_num(number);
    log_str(": nobody cared, disabled");
    log_end();
  }
  line.events = 0;
  line.unhandled = 0;
}
