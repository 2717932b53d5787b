/**
 * Up-calls: a task asks the host for something that only the host can do, and sleeps until it is answered.
 *
 *   task: waits its turn, what it asks, then STATE = REQUEST, notify
 *   host: does it, bytes to TO, STATUS, then STATE = DONE, raises IRQ_UPCALL
 *   task: takes STATUS, STATE = IDLE, wakes whoever waits for a turn
 *
 * One question at a time. A new one is a number in abi.ts and a handler of the host's (host/upcalls.ts). Without a host
 * that answers it is -EIO; the host answers -EIO in place of a handler that fails or takes too long.
 */
import { EIO, IRQF_PERCPU, IRQ_HANDLED, IRQ_UPCALL, TASK_UNINTERRUPTIBLE, UPCALL_DONE, UPCALL_IDLE, UPCALL_REQUEST, UPCALL_TAKEN } from "../abi";
import { request_irq } from "../irq/line";
import {
  UPCALL, UPCALL_ARG, UPCALL_FROM, UPCALL_LENGTH, UPCALL_OP, UPCALL_QUEUE, UPCALL_ROOM, UPCALL_SERVED, UPCALL_SIZE, UPCALL_STATE, UPCALL_STATUS, UPCALL_TO,
} from "../layout";
import { panic } from "../lib/printk";
import { schedule } from "../sched/core";
import { WaitQueue, finish_wait, prepare_to_wait, wait_queue_init, wake_up_all } from "../sched/wait";

if (UPCALL_QUEUE + <i32>offsetof<WaitQueue>() > UPCALL_SIZE) ERROR("the up-calls' wait queue no longer fits layout.ts");

@inline function queue(): WaitQueue {
  return changetype<WaitQueue>(<usize>(UPCALL + UPCALL_QUEUE));
}

export function upcall_init(): void {
  wait_queue_init(queue(), "upcall");
  if (request_irq(IRQ_UPCALL, upcall_interrupt, IRQF_PERCPU, "upcall", 0)) panic("no memory for the up-calls' line");
}

function upcall_interrupt(line: i32, device: usize): i32 {
  wake_up_all(queue());
  return IRQ_HANDLED;
}

/**
 * Asks the host `op`, with a number, `length` bytes at `from` and room for the answer at `to`; all kernel addresses.
 * Gives the host's status, which may be -errno. Process context; the sleep is uninterruptible.
 */
export function upcall(op: i32, argument: i32, from: usize, length: i32, to: usize, room: i32): i32 {
  if (!atomic.load<i32>(UPCALL, UPCALL_SERVED)) return -EIO;
  for (;;) {
    prepare_to_wait(queue(), TASK_UNINTERRUPTIBLE);
    // Acquire; pairs with the store of IDLE below, whose wake-up finds this task asleep or about to look.
    if (atomic.cmpxchg<i32>(UPCALL, UPCALL_IDLE, UPCALL_TAKEN, UPCALL_STATE) == UPCALL_IDLE) break;
    schedule();
  }
  finish_wait(queue());
  store<i32>(UPCALL, op, UPCALL_OP);
  store<i32>(UPCALL, argument, UPCALL_ARG);
  store<usize>(UPCALL, from, UPCALL_FROM);
  store<i32>(UPCALL, length, UPCALL_LENGTH);
  store<usize>(UPCALL, to, UPCALL_TO);
  store<i32>(UPCALL, room, UPCALL_ROOM);
  atomic.store<i32>(UPCALL, UPCALL_REQUEST, UPCALL_STATE); // release; pairs with the host's load
  atomic.notify(UPCALL + UPCALL_STATE, 1);
  for (;;) {
    prepare_to_wait(queue(), TASK_UNINTERRUPTIBLE);
    if (atomic.load<i32>(UPCALL, UPCALL_STATE) == UPCALL_DONE) break; // pairs with the host's store, after the answer
    schedule();
  }
  finish_wait(queue());
  const status = load<i32>(UPCALL, UPCALL_STATUS);
  atomic.store<i32>(UPCALL, UPCALL_IDLE, UPCALL_STATE);
  wake_up_all(queue());
  return status;
}
