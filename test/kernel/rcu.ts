/** Readers under RCU keep what they found; writers wait for them, and for nobody else. */
import { poll } from "../../kernel/cpu/irq";
import { cpu_down, cpu_up } from "../../kernel/hotplug/control";
import { MACHINE, MACHINE_CPUS } from "../../kernel/layout";
import { RcuHead, call_rcu, rcu_assign_pointer, rcu_dereference, rcu_read_lock, rcu_read_unlock, synchronize_rcu } from "../../kernel/lock/rcu";
import { kfree, kmalloc } from "../../kernel/mm/slab";
import { yield_cpu } from "../../kernel/sched/core";
import { run_threads, word } from "./harness";

const ROUNDS = 6;
const WRITERS = 2;
const THREADS = 4;
const ALIVE = 0x600d;
const LOOKS = 20;

// Words of the scratch area.
const PUBLISHED = 0;
const WRITERS_LEFT = 1;
const CALLED = 2;
const OUT_OF_ORDER = 3;
/** What each thread heard of last, by argument. */
const LAST = 8;

/** What the writers publish: a head, whose it is, and a word that says that it was not freed. */
@unmanaged
class Version extends RcuHead {
  writer: i32;
  number: i32;
  alive: i32;
}

function new_version(writer: i32, number: i32): Version {
  const version = changetype<Version>(kmalloc(<i32>offsetof<Version>()));
  version.writer = writer;
  version.number = number;
  version.alive = ALIVE;
  return version;
}

@notrace function bury(version: Version): void {
  atomic.store<i32>(changetype<usize>(version), 0, offsetof<Version>("alive"));
  kfree(changetype<usize>(version));
}

/** Looks at what is published several times, and lets interrupts in between; false when it was freed meanwhile. */
function read_once(): bool {
  let whole = true;
  rcu_read_lock();
  const version = rcu_dereference(word(PUBLISHED));
  for (let i = 0; i < LOOKS && whole && version; i++) {
    poll();
    whole = atomic.load<i32>(version, offsetof<Version>("alive")) == ALIVE;
  }
  rcu_read_unlock();
  return whole;
}

/** The first threads replace what the others read. */
function read_or_replace(argument: i32): i32 {
  if (argument >= WRITERS) {
    while (atomic.load<i32>(word(WRITERS_LEFT))) {
      if (!read_once()) return 1;
      yield_cpu();
    }
    return 0;
  }
  for (let round = 0; round < ROUNDS; round++) {
    const old = atomic.xchg<usize>(word(PUBLISHED), changetype<usize>(new_version(argument, round)));
    synchronize_rcu();
    if (old) bury(changetype<Version>(old));
  }
  atomic.sub<i32>(word(WRITERS_LEFT), 1);
  return 0;
}

@notrace function bury_published(): void {
  const last = atomic.load<usize>(word(PUBLISHED));
  rcu_assign_pointer(word(PUBLISHED), 0);
  if (last) bury(changetype<Version>(last));
}

export function test_rcu_readers(): i32 {
  atomic.store<i32>(word(WRITERS_LEFT), WRITERS);
  const result = run_threads(THREADS, read_or_replace);
  bury_published();
  return result;
}

function called(head: usize): void {
  const version = changetype<Version>(head);
  const last = word(LAST + version.writer);
  if (version.alive != ALIVE || load<i32>(last) != version.number) store<i32>(word(OUT_OF_ORDER), 1);
  store<i32>(last, version.number + 1);
  bury(version);
  atomic.add<i32>(word(CALLED), 1);
}

/** Leaves versions behind for later, and goes on. */
function read_or_call(argument: i32): i32 {
  for (let round = 0; round < ROUNDS; round++) {
    const version = new_version(argument, round);
    if (!read_once()) return 1;
    call_rcu(version, called);
    if (round & 1) yield_cpu();
  }
  synchronize_rcu(); // queued behind its own
  return load<i32>(word(LAST + argument)) == ROUNDS ? 0 : 2;
}

export function test_call_rcu(): i32 {
  const result = run_threads(THREADS, read_or_call);
  if (result) return result;
  return load<i32>(word(OUT_OF_ORDER)) || atomic.load<i32>(word(CALLED)) != THREADS * ROUNDS ? 3 : 0;
}

/** One thread has the last CPU go and come while the others read and replace. */
function toggle_or_read(argument: i32): i32 {
  if (argument < THREADS) return read_or_replace(argument);
  const last = load<i32>(MACHINE, MACHINE_CPUS) - 1;
  let result = 0;
  while (!result && atomic.load<i32>(word(WRITERS_LEFT))) result = cpu_down(last) ? 5 : cpu_up(last) ? 6 : 0;
  return result;
}

export function test_rcu_with_hotplug(): i32 {
  if (load<i32>(MACHINE, MACHINE_CPUS) == 1) return 0;
  atomic.store<i32>(word(WRITERS_LEFT), WRITERS);
  const result = run_threads(THREADS + 1, toggle_or_read);
  bury_published();
  return result;
}
