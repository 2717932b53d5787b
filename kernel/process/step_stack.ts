/**
 * Stepped platform: a place per CPU for the stack that waits at a step point. Deep enough for any user recursion that
 * the engine itself allows the tests.
 */
import { PAGE_SIZE, PERCPU_STEP_STACK, WORD } from "../layout";
import { cpu_block } from "../cpu/percpu";
import { panic } from "../lib/printk";
import { alloc_pages } from "../mm/page";

const ORDER = 6; // 256 KiB

export function step_stack_init(cpu: i32): void {
  const block = alloc_pages(ORDER);
  if (!block) panic("no memory for step stacks");
  store<u32>(block, <u32>block + 2 * WORD);
  store<u32>(block, <u32>block + (PAGE_SIZE << ORDER), WORD);
  store<u32>(cpu_block(cpu), <u32>block, PERCPU_STEP_STACK);
}
