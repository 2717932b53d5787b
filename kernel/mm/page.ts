/**
 * Page allocator: blocks of 2^order pages from a buddy system, any CPU, any context.
 *
 *   ZONE ──► lock, free lists by order, map ──► one PageInfo per page ──► the pages
 *
 * A free block's list node lies in its first bytes. Invariant: a block is on the free list of exactly the order that
 * its first PageInfo says, and two free buddies of one order never exist. Debug builds fill free memory with
 * PAGE_POISON and panic when it changed while it was free.
 */
import { MACHINE, MACHINE_HEAP, MACHINE_MEMORY, PAGE_SIZE, ZONE, ZONE_SIZE } from "../layout";
import { LIST_NODE_SIZE, ListNode, list_add, list_empty, list_init, list_remove } from "../lib/list";
import { invariant, panic } from "../lib/printk";
import { SpinLock, spin_lock, spin_lock_init, spin_unlock } from "../lock/spinlock";

/** Largest block: 2^10 pages, 4 MiB. */
export const MAX_ORDER = 10;
export const PAGE_POISON: u8 = 0xaa;
const PAGE_POISONS: u64 = 0xaaaaaaaaaaaaaaaa; // eight of them: pages are looked through by the word
const FREE: u8 = 1;

/** The lock guards everything below, every PageInfo and the list nodes in free pages. */
@unmanaged
class Zone extends SpinLock {
  base: usize;
  pages: i32;
  free: i32;
  map: usize;
}
const FREE_LISTS = <i32>offsetof<Zone>();
if (FREE_LISTS + (MAX_ORDER + 1) * LIST_NODE_SIZE > ZONE_SIZE) ERROR("Zone no longer fits layout.ts");

@unmanaged
class PageInfo {
  /** Slab that the page belongs to, or 0. Written by the slab allocator while it owns the page. */
  slab: usize;
  order: u8;
  state: u8;
  /** Holders of a single page; atomic. */
  references: u16;
}

@inline function zone(): Zone {
  return changetype<Zone>(<usize>ZONE);
}
@inline function free_list(order: i32): ListNode {
  return changetype<ListNode>(<usize>(ZONE + FREE_LISTS + order * LIST_NODE_SIZE));
}
@inline function info(page: i32): PageInfo {
  return changetype<PageInfo>(zone().map + <usize>page * offsetof<PageInfo>());
}
@inline function page_at(address: usize): i32 {
  return <i32>((address - zone().base) / PAGE_SIZE);
}
@inline function address_of(page: i32): usize {
  return zone().base + <usize>page * PAGE_SIZE;
}

/** Hands all memory from MACHINE_HEAP to the allocator. Once, before other CPUs exist. */
export function page_init(): void {
  const z = zone();
  spin_lock_init(zone(), "zone");
  z.map = <usize>load<u32>(MACHINE, MACHINE_HEAP);
  const memory_end = <usize>load<u32>(MACHINE, MACHINE_MEMORY);
  const most = <i32>((memory_end - z.map) / PAGE_SIZE);
  const map_bytes = <usize>most * offsetof<PageInfo>();
  z.base = (z.map + map_bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
  z.pages = <i32>((memory_end - z.base) / PAGE_SIZE);
  z.free = 0;
  memory.fill(z.map, 0, map_bytes);
  for (let order = 0; order <= MAX_ORDER; order++) list_init(free_list(order));
  for (let page = 0; page < z.pages; ) {
    let order = MAX_ORDER;
    while (page & ((1 << order) - 1) || page + (1 << order) > z.pages) order--;
    if (DEBUG) memory.fill(address_of(page), PAGE_POISON, <usize>PAGE_SIZE << order);
    put_free(page, order);
    page += 1 << order;
  }
}

@notrace function put_free(page: i32, order: i32): void {
  const entry = info(page);
  entry.order = <u8>order;
  entry.state = FREE;
  entry.slab = 0;
  list_add(free_list(order), changetype<ListNode>(address_of(page)));
  zone().free += 1 << order;
}

@notrace function take_free(page: i32, order: i32): void {
  list_remove(changetype<ListNode>(address_of(page)));
  info(page).state = 0;
  zone().free -= 1 << order;
}

/** A block of 2^`order` pages, contents undefined, or 0 when there is none. */
export function alloc_pages(order: i32): usize {
  invariant(order >= 0 && order <= MAX_ORDER, "alloc_pages() of an impossible order");
  spin_lock(zone());
  let found = order;
  while (found <= MAX_ORDER && list_empty(free_list(found))) found++;
  if (found > MAX_ORDER) {
    spin_unlock(zone());
    return 0;
  }
  const page = page_at(changetype<usize>(free_list(found).next));
  take_free(page, found);
  for (; found > order; ) put_free(page + (1 << --found), found);
  info(page).order = <u8>order;
  info(page).references = 1;
  spin_unlock(zone());
  if (DEBUG) check_poison(address_of(page), order);
  return address_of(page);
}

/** Gives a block back. `order` must be the one it was taken with. */
export function free_pages(address: usize, order: i32): void {
  if (DEBUG) memory.fill(address, PAGE_POISON, <usize>PAGE_SIZE << order);
  spin_lock(zone());
  let page = page_at(address);
  invariant((address & (PAGE_SIZE - 1)) == 0 && page >= 0 && page < zone().pages, "free_pages() of an address that is no page");
  invariant(info(page).state != FREE && info(page).order == <u8>order, "free_pages() twice, or with another order");
  for (; order < MAX_ORDER; order++) {
    const buddy = page ^ (1 << order);
    if (buddy + (1 << order) > zone().pages) break;
    if (info(buddy).state != FREE || info(buddy).order != <u8>order) break;
    take_free(buddy, order);
    if (DEBUG) memory.fill(address_of(buddy), PAGE_POISON, LIST_NODE_SIZE);
    page &= ~(1 << order);
  }
  put_free(page, order);
  spin_unlock(zone());
}

@notrace function check_poison(address: usize, order: i32): void {
  const end = address + (<usize>PAGE_SIZE << order);
  // Beginnings of pages are left out: a free block's list node lies there, and stays when the block is split.
  for (let page = address; page < end; page += PAGE_SIZE) {
    for (let at = page + LIST_NODE_SIZE; at < page + PAGE_SIZE; at += 8) if (load<u64>(at) != PAGE_POISONS) panic("a free page was written to");
  }
}

/** One more holder of a single page. */
export function get_page(address: usize): void {
  atomic.add<u16>(changetype<usize>(info(page_at(address))), 1, offsetof<PageInfo>("references"));
}

/** One holder less of a single page; the last one frees it. */
export function put_page(address: usize): void {
  if (atomic.sub<u16>(changetype<usize>(info(page_at(address))), 1, offsetof<PageInfo>("references")) == 1) free_pages(address, 0);
}

/** Remembers the slab that a page belongs to. The caller owns the block. */
@inline export function set_page_slab(address: usize, slab: usize): void {
  info(page_at(address)).slab = slab;
}
@inline export function page_slab(address: usize): usize {
  return info(page_at(address)).slab;
}

/** Pages that the allocator owns, and those of them that are free. */
export function total_pages(): i32 {
  return zone().pages;
}
export function free_page_count(): i32 {
  return zone().free;
}

/** Order of an allocated block. */
export function page_order(address: usize): i32 {
  return info(page_at(address)).order;
}
