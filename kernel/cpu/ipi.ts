/**
 * Function calls on other CPUs, in their interrupt context.
 *
 *   caller: node → front of the target's list (compare-exchange), interrupt      target: takes the whole list at once
 *
 * The node is the caller's until DONE is set, and must not lie on a saved stack.
 */
import { PENDING_CALL } from "../abi";
import { PERCPU_CALLS } from "../layout";
import { cpu_relax, got_on, irq_disable, irq_enable, raise_pending } from "./irq";
import { cpu_block, this_cpu } from "./percpu";
import { is_present } from "./present";

/** Runs in interrupt context: it may not sleep. */
export type CallFunction = (argument: i32) => void;

@unmanaged
export class Call {
  next: usize;
  fn: i32; // table index of its CallFunction
  argument: i32;
  /** Set by the target as its last access; atomic. */
  done: i32;
}

/** Has `cpu` run `fn(argument)`; returns at once. `call` must not be under way. */
@notrace @atomic export function send_call(cpu: i32, call: Call, fn: CallFunction, argument: i32): void {
  call.fn = fn.index;
  call.argument = argument;
  atomic.store<i32>(changetype<usize>(call), 0, offsetof<Call>("done"));
  for (;;) {
    const head = atomic.load<u32>(cpu_block(cpu), PERCPU_CALLS);
    call.next = head;
    // Pairs with the exchange in run_calls(): the target sees the node's fields.
    if (atomic.cmpxchg<u32>(cpu_block(cpu), head, <u32>changetype<usize>(call), PERCPU_CALLS) == head) break;
  }
  raise_pending(cpu, PENDING_CALL);
  if (!is_present(cpu)) take_over_calls(cpu); // it has gone, and may not have seen this one
}

/** Waits until a sent call was run; spins, serving interrupts. */
@notrace export function wait_for_call(call: Call): void {
  while (!atomic.load<i32>(changetype<usize>(call), offsetof<Call>("done"))) cpu_relax();
  got_on();
}

/** Runs here what was sent to a CPU that is away. */
@notrace @atomic export function take_over_calls(cpu: i32): void {
  irq_disable();
  run_list(<usize>atomic.xchg<u32>(cpu_block(cpu), 0, PERCPU_CALLS));
  irq_enable();
}

/** In interrupt context: runs what other CPUs sent, newest first. */
@notrace @atomic export function run_calls(): void {
  run_list(<usize>atomic.xchg<u32>(this_cpu, 0, PERCPU_CALLS));
}

@notrace @atomic function run_list(node: usize): void {
  while (node) {
    const call = changetype<Call>(node);
    node = call.next;
    call_indirect<void>(call.fn, call.argument);
    atomic.store<i32>(changetype<usize>(call), 1, offsetof<Call>("done")); // release; pairs with wait_for_call()
  }
}
