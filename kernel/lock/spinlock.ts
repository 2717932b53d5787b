/**
 * Spin locks that know their name and their holder.
 *
 * Taking one turns interrupts off on this CPU until it is released, so a handler can never wait for the task that it
 * interrupted; safepoints do nothing meanwhile, so a holder is never switched out. While a CPU waits for its *first*
 * lock, interrupts are served. A waiter spins briefly and then sleeps on the word, because on an oversubscribed
 * machine the holder's thread may be off its core and spinning would keep it there.
 */
import { cpu_relax, got_on, irq_disable, irq_enable } from "../cpu/irq";
import { cpu_id, this_cpu } from "../cpu/percpu";
import {
  PERCPU_IRQ_OFF, PERCPU_LAST_LOCK, PERCPU_LOCKS_HELD, PERCPU_PENDING, PERCPU_SPINNING_ON, SPINLOCK_CONTENDED, SPINLOCK_NAME,
  SPINLOCK_OWNER, SPINLOCK_SIZE, SPINLOCK_WAITERS,
} from "../layout";
import { die, log_begin, log_end, log_num, log_str, take_log } from "../lib/printk";
import { lockdep_spin, lockdep_spin_released, lockdep_spin_taken } from "./lockdep";

/** Spins before a waiter sleeps: about 20 µs. */
const SPIN_LIMIT = 1000;
/** A sleeping waiter looks again after this long, to serve interrupts that came meanwhile. */
const WAIT_NS: i64 = 1000000;
const UNLOCKED = 0;

@unmanaged
export class SpinLock {
  /** Holder's CPU number plus one, or UNLOCKED. The only field touched without holding the lock. */
  owner: i32;
  /** Name, for reports: address of a literal. */
  name: usize;
  /** CPUs asleep on `owner`; spares the holder a notify when there are none. */
  waiters: i32;
  /** Times found taken. Written by the holder. */
  contended: i32;
}
if (<i32>offsetof<SpinLock>() != SPINLOCK_SIZE) ERROR("SpinLock no longer fits layout.ts");
if (<i32>offsetof<SpinLock>("owner") != SPINLOCK_OWNER) ERROR("SpinLock.owner differs from layout.ts");
if (<i32>offsetof<SpinLock>("name") != SPINLOCK_NAME) ERROR("SpinLock.name differs from layout.ts");
if (<i32>offsetof<SpinLock>("waiters") != SPINLOCK_WAITERS) ERROR("SpinLock.waiters differs from layout.ts");
if (<i32>offsetof<SpinLock>("contended") != SPINLOCK_CONTENDED) ERROR("SpinLock.contended differs from layout.ts");

@inline export function spin_lock_init(lock: SpinLock, name: string): void {
  lock.owner = UNLOCKED;
  lock.name = changetype<usize>(name);
  lock.waiters = 0;
  lock.contended = 0;
}

/**
 * Takes `lock`. Panics when this CPU already holds it: waiting for yourself never ends, and a panic that names the
 * lock is worth more than a machine that hangs.
 */
@notrace export function spin_lock(lock: SpinLock): void {
  const word = changetype<usize>(lock);
  irq_disable();
  if (DEBUG) lockdep_spin(word);
  // Sequentially consistent, so nothing in the critical section moves above it. Pairs with the store in spin_unlock().
  if (atomic.cmpxchg<i32>(word, UNLOCKED, cpu_id + 1) != UNLOCKED) spin_lock_slow(lock);
  if (DEBUG) lockdep_spin_taken(word);
  store<i32>(this_cpu, load<i32>(this_cpu, PERCPU_LOCKS_HELD) + 1, PERCPU_LOCKS_HELD);
  store<u32>(this_cpu, <u32>word, PERCPU_LAST_LOCK);
}

@notrace function spin_lock_slow(lock: SpinLock): void {
  const word = changetype<usize>(lock);
  store<u32>(this_cpu, <u32>word, PERCPU_SPINNING_ON);
  for (let spins = 0; ; spins++) {
    const holder = atomic.cmpxchg<i32>(word, UNLOCKED, cpu_id + 1);
    if (holder == UNLOCKED) break;
    if (holder == cpu_id + 1) lock_panic("recursive spin lock", lock);
    if (load<i32>(this_cpu, PERCPU_IRQ_OFF) == 1) {
      irq_enable(); // nothing else is held: interrupts may be served while waiting
      cpu_relax();
      irq_disable();
    } else cpu_relax();
    if (!STEPPED && spins > SPIN_LIMIT && !atomic.load<i32>(this_cpu, PERCPU_PENDING)) {
      // Counted first: pairs with spin_unlock(), which stores the owner before it reads the count. The notify may still
      // be missed when the lock changes hands in between; the time-out covers that.
      atomic.add<i32>(word, 1, SPINLOCK_WAITERS);
      atomic.wait<i32>(word, holder, WAIT_NS);
      atomic.sub<i32>(word, 1, SPINLOCK_WAITERS);
    }
  }
  lock.contended += 1;
  store<u32>(this_cpu, 0, PERCPU_SPINNING_ON);
  got_on();
}

/** Gives `lock` back. Panics when this CPU does not hold it. */
@notrace export function spin_unlock(lock: SpinLock): void {
  const word = changetype<usize>(lock);
  if (DEBUG && atomic.load<i32>(word) != cpu_id + 1) lock_panic("unlock by a CPU that does not hold it", lock);
  if (DEBUG) lockdep_spin_released(word);
  store<i32>(this_cpu, load<i32>(this_cpu, PERCPU_LOCKS_HELD) - 1, PERCPU_LOCKS_HELD);
  atomic.store<i32>(word, UNLOCKED); // release; pairs with the cmpxchg in spin_lock()
  if (!STEPPED && atomic.load<i32>(word, SPINLOCK_WAITERS)) atomic.notify(word, 1);
  irq_enable();
}

/** Whether this CPU holds `lock`: for preconditions. */
@notrace export function holds(lock: SpinLock): bool {
  return atomic.load<i32>(changetype<usize>(lock)) == cpu_id + 1;
}

@bare function lock_panic(what: string, lock: SpinLock): void {
  take_log();
  log_begin();
  log_str("Kernel panic - not syncing: ");
  log_str(what);
  log_str(": ");
  log_str(changetype<string>(lock.name));
  log_str(" on CPU ");
  log_num(cpu_id);
  log_end();
  die();
}
