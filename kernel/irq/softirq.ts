/**
 * Softirqs: what interrupt handlers leave for right behind them, with interrupts on again.
 *
 *   raise_softirq(n) ─► a bit of this CPU ─► at the end of the interrupt: rounds over the bits, lowest first
 *                                            bits that come up meanwhile: another round, ROUNDS and MOST_NS at most
 *                                            what is left then, or raised by a task: ksoftirqd/N, which takes its turn
 *
 * A softirq runs on the CPU that raised it; several CPUs may be in the same one at once.
 */
import { SOFTIRQ_COUNT } from "../abi";
import { clock_ns } from "../cpu/clock";
import { begin_irq_trip, in_irq, irq_disable, irq_enable, need_resched, poll } from "../cpu/irq";
import { cpu_block, cpu_id, this_cpu } from "../cpu/percpu";
import { PERCPU_SOFTIRQS, PERCPU_SOFTIRQ_COUNTS, SOFTIRQS, SOFTIRQS_SIZE, SOFTIRQ_CPUS, SOFTIRQ_CPU_SIZE, WORD } from "../layout";
import { Task } from "../sched/task";
import { WaitQueue, wait_queue_init, wake_up } from "../sched/wait";

/** Runs on top of a task, or of ksoftirqd: it may take locks and wake tasks, never sleep. */
export type SoftirqHandler = () => void;

/** What a CPU keeps for softirqs. The wait queue is its ksoftirqd's. */
@unmanaged
export class SoftirqCpu extends WaitQueue {
  /** Tasklets that wait for their turn here, newest first; this CPU only. */
  tasklets: usize;
  /** Its ksoftirqd. */
  thread: Task;
}
if (<i32>offsetof<SoftirqCpu>() > SOFTIRQ_CPU_SIZE) ERROR("SoftirqCpu no longer fits layout.ts");
if (SOFTIRQ_COUNT * WORD > SOFTIRQS_SIZE) ERROR("softirqs no longer fit layout.ts");

const ROUNDS = 10;
const MOST_NS: f64 = 2000000;

@inline export function softirq_cpu(cpu: i32): SoftirqCpu {
  return changetype<SoftirqCpu>(<usize>(SOFTIRQ_CPUS + cpu * SOFTIRQ_CPU_SIZE));
}
@inline export function softirqs_pending(): i32 {
  return load<i32>(this_cpu, PERCPU_SOFTIRQS);
}

export function softirq_cpu_init(cpu: i32): void {
  wait_queue_init(softirq_cpu(cpu), "ksoftirqd");
}

/** Names the function of softirq `number`; at boot. */
@atomic export function open_softirq(number: i32, handler: SoftirqHandler): void {
  store<i32>(<usize>(SOFTIRQS + number * WORD), handler.index);
}

/** Has softirq `number` run on this CPU: behind the interrupt or softirq that calls this, or in ksoftirqd. */
@notrace export function raise_softirq(number: i32): void {
  store<i32>(this_cpu, softirqs_pending() | 1 << number, PERCPU_SOFTIRQS);
  if (!in_irq()) wake_up(softirq_cpu(cpu_id));
}

/** Runs here what a CPU that is away has left: its softirqs and its tasklets. */
export function take_over_softirqs(cpu: i32): void {
  irq_disable();
  const left = softirq_cpu(cpu);
  while (left.tasklets) {
    const tasklet = left.tasklets;
    left.tasklets = load<u32>(tasklet); // a Tasklet begins with the next one
    store<u32>(tasklet, <u32>softirq_cpu(cpu_id).tasklets);
    softirq_cpu(cpu_id).tasklets = tasklet;
  }
  store<i32>(this_cpu, softirqs_pending() | load<i32>(cpu_block(cpu), PERCPU_SOFTIRQS), PERCPU_SOFTIRQS);
  store<i32>(cpu_block(cpu), 0, PERCPU_SOFTIRQS);
  wake_up(softirq_cpu(cpu_id));
  irq_enable();
}

/** The runner that every CPU registers: interrupts are on, and come in between. */
@notrace @atomic export function run_softirqs(): void {
  let until: f64 = 0;
  for (let round = 0; softirqs_pending(); round++) {
    if (round) {
      const now = clock_ns();
      if (round == 1) until = now + MOST_NS;
      if (round == ROUNDS || now >= until || need_resched()) {
        wake_up(softirq_cpu(cpu_id));
        return;
      }
    }
    let bits = softirqs_pending();
    store<i32>(this_cpu, 0, PERCPU_SOFTIRQS); // before they run: one that is raised anew runs anew
    for (; bits; bits &= bits - 1) {
      const number = <usize>ctz(bits);
      const counts = this_cpu + PERCPU_SOFTIRQ_COUNTS + (number << 2);
      store<u32>(counts, load<u32>(counts) + 1);
      begin_irq_trip();
      call_indirect<void>(load<i32>(<usize>SOFTIRQS + (number << 2)));
      poll();
    }
  }
}
