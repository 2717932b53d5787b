/**
 * The machine's one device, the pulse: a line that the host raises, a handler, and what follows from it.
 *
 * The handler counts and leaves the rest to a tasklet, which wakes irqd; irqd queues a work item on the CPUs in turn.
 * So a stream of pulses keeps handlers, softirqs, kernel threads and work queues of all CPUs busy.
 */
import { COUNTER_DEVICE, IRQ_HANDLED, IRQ_PULSE, TASK_INTERRUPTIBLE } from "../abi";
import { count } from "../cpu/percpu";
import { request_irq } from "../irq/line";
import { Tasklet, tasklet_init, tasklet_schedule } from "../irq/tasklet";
import { DEVICE, DEVICE_SIZE, MACHINE, MACHINE_CPUS } from "../layout";
import { panic } from "../lib/printk";
import { schedule } from "../sched/core";
import { WaitQueue, finish_wait, prepare_to_wait, wait_queue_init, wake_up } from "../sched/wait";
import { ANY_CPU, kthread_run, kthread_should_stop } from "./kthread";
import { WORK_SIZE, Work, queue_work_on, work_init } from "./workqueue";

/** The wait queue is irqd's. */
@unmanaged
class Device extends WaitQueue {
  /** Interrupts that irqd has yet to see; atomic. */
  raised: i32;
  /** Works that ran for the device; atomic. */
  served: i32;
  tasklet: usize; // a Tasklet record starts here
  tasklet_fn: i32;
  tasklet_argument: i32;
  tasklet_state: i32;
  work: i32; // a Work record starts here
}
if (<i32>offsetof<Device>("work") + WORK_SIZE > DEVICE_SIZE) ERROR("Device no longer fits layout.ts");

@inline function device(): Device {
  return changetype<Device>(<usize>DEVICE);
}
@inline function device_work(): Work {
  return changetype<Work>(<usize>DEVICE + offsetof<Device>("work"));
}

@inline function device_tasklet(): Tasklet {
  return changetype<Tasklet>(<usize>DEVICE + offsetof<Device>("tasklet"));
}

export function device_start(): void {
  wait_queue_init(device(), "device");
  device().raised = 0;
  work_init(device_work(), serve_device, 0);
  tasklet_init(device_tasklet(), pulse_tasklet, 0);
  if (!changetype<usize>(kthread_run(irqd, 0, "irqd", ANY_CPU))) panic("no memory for irqd");
  if (request_irq(IRQ_PULSE, pulse_interrupt, 0, "pulse", DEVICE)) panic("no memory for the pulse's line");
}

/** Takes note of the pulse. */
function pulse_interrupt(line: i32, device: usize): i32 {
  note_pulse();
  tasklet_schedule(device_tasklet());
  return IRQ_HANDLED;
}

function note_pulse(): void {
  count(COUNTER_DEVICE);
  atomic.add<i32>(DEVICE, 1, offsetof<Device>("raised"));
}

/** Behind the interrupt. */
function pulse_tasklet(argument: i32): void {
  wake_irqd();
}

function wake_irqd(): void {
  wake_up(device());
}

function irqd(argument: i32): i32 {
  for (let cpu = 0; !kthread_should_stop(); ) {
    prepare_to_wait(device(), TASK_INTERRUPTIBLE);
    const raised = atomic.xchg<i32>(DEVICE, 0, offsetof<Device>("raised"));
    if (!raised && !kthread_should_stop()) schedule();
    finish_wait(device());
    if (!raised) continue;
    queue_work_on(cpu, device_work());
    cpu = (cpu + 1) % load<i32>(MACHINE, MACHINE_CPUS);
  }
  return 0;
}

function serve_device(work: usize): void {
  atomic.add<i32>(DEVICE, 1, offsetof<Device>("served"));
}
