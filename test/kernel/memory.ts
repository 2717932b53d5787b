/** Allocators hand out each byte once. */
import { alloc_pages, free_pages } from "../../kernel/mm/page";
import { kfree, kmalloc } from "../../kernel/mm/slab";
import { PAGE_SIZE } from "../../kernel/layout";
import { yield_cpu } from "../../kernel/sched/core";
import { run_threads } from "./harness";

function filled(at: usize, size: i32, with_byte: u8): bool {
  for (let i = 0; i < size; i++) if (load<u8>(at + i) != with_byte) return false;
  return true;
}

function churn(argument: i32): i32 {
  const mark = <u8>(argument + 1);
  for (let round = 0; round < 4; round++) {
    const size = 24 << ((round + argument) & 3);
    const object = kmalloc(size);
    const order = (round + argument) & 1;
    const page = alloc_pages(order);
    if (!object || !page) return 1;
    memory.fill(object, mark, size);
    memory.fill(page, mark, 256);
    memory.fill(page + (PAGE_SIZE << order) - 256, mark, 256);
    yield_cpu();
    if (!filled(object, size, mark)) return 2;
    if (!filled(page, 256, mark) || !filled(page + (PAGE_SIZE << order) - 256, 256, mark)) return 3;
    kfree(object);
    free_pages(page, order);
  }
  return 0;
}

export function test_allocators(): i32 {
  return run_threads(4, churn);
}
