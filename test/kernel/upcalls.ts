/** What the host is asked reaches it whole, and each task gets its own answer. */
import { ENOSYS, EIO, UPCALL_OP_ECHO } from "../../kernel/abi";
import { kfree, kmalloc } from "../../kernel/mm/slab";
import { upcall } from "../../kernel/process/upcall";
import { run_threads } from "./harness";

const BYTES = 64;
const ROUNDS = 5;

function ask(argument: i32): i32 {
  const block = kmalloc(2 * BYTES);
  if (!block) return 1;
  let result = 0;
  for (let round = 0; round < ROUNDS && !result; round++) {
    for (let i = 0; i < BYTES; i++) store<u8>(block + i, <u8>(i * 3 + argument + round));
    memory.fill(block + BYTES, 0, BYTES);
    if (upcall(UPCALL_OP_ECHO, argument, block, BYTES, block + BYTES, BYTES) != BYTES + argument) result = 2;
    else if (memory.compare(block, block + BYTES, BYTES)) result = 3;
  }
  kfree(block);
  return result;
}

export function test_upcalls(): i32 {
  return run_threads(6, ask);
}

/** Nobody knows the number; the answer is larger than the room for it. */
export function test_upcall_refusals(): i32 {
  const block = kmalloc(BYTES);
  if (!block) return 1;
  const unknown = upcall(9999, 0, block, BYTES, 0, 0);
  const large = upcall(UPCALL_OP_ECHO, 0, block, BYTES, block, BYTES - 1);
  kfree(block);
  return unknown != -ENOSYS ? 2 : large != -EIO ? 3 : 0;
}
