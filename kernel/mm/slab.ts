/**
 * Slab allocator: objects of one size out of page blocks.
 *
 *   cache ──► partial slabs ──► [header | object | object | …]   a free object's first word is the next free one
 *
 * A slab that becomes empty goes back to the page allocator at once, so "no page leaked" can be checked by counting.
 * Debug builds poison free objects and panic on a write after free and on a double free. Any context.
 */
import { PAGE_SIZE, SLAB_CACHES, SLAB_CACHE_COUNT, SLAB_CACHE_SIZE } from "../layout";
import { ListNode, list_add, list_empty, list_init, list_remove } from "../lib/list";
import { panic } from "../lib/printk";
import { SpinLock, spin_lock, spin_lock_init, spin_unlock } from "../lock/spinlock";
import { alloc_pages, free_pages, page_slab, set_page_slab } from "./page";

export const OBJECT_POISON: u8 = 0x6b;

/** The lock guards the list, every slab header and every free object of this cache. */
@unmanaged
export class Cache extends SpinLock {
  /** Slabs with at least one free object. Full slabs are on no list. */
  partial_next: ListNode;
  partial_prev: ListNode;
  object_size: i32;
  order: i32;
  /** Objects per slab. */
  capacity: i32;
  /** Objects handed out. */
  in_use: i32;
  slabs: i32;
}
if (<i32>offsetof<Cache>() > SLAB_CACHE_SIZE) ERROR("Cache no longer fits layout.ts");

@unmanaged
class Slab {
  node_next: ListNode;
  node_prev: ListNode;
  cache: Cache;
  free: usize;
  in_use: i32;
  unused: i32;
}

@inline function cache_at(index: i32): Cache {
  return changetype<Cache>(<usize>(SLAB_CACHES + index * SLAB_CACHE_SIZE));
}
@inline function partial(cache: Cache): ListNode {
  return changetype<ListNode>(changetype<usize>(cache) + offsetof<Cache>("partial_next"));
}

// Fixed caches: 0..6 are kmalloc's 32..2048 bytes; the rest are named by their users.
export const CACHE_KMALLOC = 0;
export const CACHE_WINDOW = 7;
export const CACHE_PATH = 8;
const SMALLEST = 32;
const KMALLOC_CACHES = 7;
/** Largest object that kmalloc() gives. */
export const KMALLOC_MAX = SMALLEST << (KMALLOC_CACHES - 1);

/** Prepares the kmalloc caches. Once, before other CPUs exist. */
export function slab_init(): void {
  for (let i = 0; i < KMALLOC_CACHES; i++) cache_init(CACHE_KMALLOC + i, "kmalloc", SMALLEST << i, i < 5 ? 0 : 1);
}

/** Makes cache `index` one of objects of `size` bytes in blocks of 2^`order` pages. */
export function cache_init(index: i32, name: string, size: i32, order: i32): void {
  if (index >= SLAB_CACHE_COUNT) panic("no such slab cache");
  const cache = cache_at(index);
  spin_lock_init(cache, name);
  list_init(partial(cache));
  cache.object_size = size;
  cache.order = order;
  cache.capacity = ((PAGE_SIZE << order) - <i32>offsetof<Slab>()) / size;
  cache.in_use = 0;
  cache.slabs = 0;
}

/** An object of cache `index`, contents undefined, or 0 when memory is out. */
export function cache_alloc(index: i32): usize {
  const cache = cache_at(index);
  spin_lock(cache);
  if (list_empty(partial(cache)) && !grow(cache)) {
    spin_unlock(cache);
    return 0;
  }
  const slab = changetype<Slab>(partial(cache).next);
  const object = slab.free;
  slab.free = <usize>load<u32>(object);
  slab.in_use += 1;
  cache.in_use += 1;
  if (slab.in_use == cache.capacity) list_remove(changetype<ListNode>(slab));
  if (DEBUG) check_object(object, cache.object_size);
  spin_unlock(cache);
  return object;
}

/** Gives an object back to the cache that it came from. */
export function cache_free(object: usize): void {
  const slab = changetype<Slab>(page_slab(object & ~(PAGE_SIZE - 1)));
  if (changetype<usize>(slab) == 0) panic("free of memory that is in no slab");
  const cache = slab.cache;
  spin_lock(cache);
  if (DEBUG) poison_object(object, cache.object_size);
  store<u32>(object, <u32>slab.free);
  slab.free = object;
  if (slab.in_use == cache.capacity) list_add(partial(cache), changetype<ListNode>(slab));
  slab.in_use -= 1;
  cache.in_use -= 1;
  const empty = slab.in_use == 0;
  if (empty) {
    list_remove(changetype<ListNode>(slab));
    cache.slabs -= 1;
  }
  spin_unlock(cache);
  if (empty) free_pages(changetype<usize>(slab), cache.order);
}

/** Adds a slab; the cache's lock is held. */
@notrace function grow(cache: Cache): bool {
  const block = alloc_pages(cache.order);
  if (!block) return false;
  const slab = changetype<Slab>(block);
  slab.cache = cache;
  slab.in_use = 0;
  slab.free = 0;
  for (let page = 0; page < 1 << cache.order; page++) set_page_slab(block + <usize>page * PAGE_SIZE, block);
  for (let i = cache.capacity - 1; i >= 0; i--) {
    const object = block + offsetof<Slab>() + <usize>(i * cache.object_size);
    if (DEBUG) memory.fill(object, OBJECT_POISON, cache.object_size);
    store<u32>(object, <u32>slab.free);
    slab.free = object;
  }
  list_add(partial(cache), changetype<ListNode>(slab));
  cache.slabs += 1;
  return true;
}

@notrace function is_poison(object: usize, size: i32): bool {
  for (let i = 4; i < size; i++) if (load<u8>(object + i) != OBJECT_POISON) return false;
  return true;
}

@notrace function check_object(object: usize, size: i32): void {
  if (!is_poison(object, size)) panic("a free slab object was written to");
  memory.fill(object, 0x5a, size); // what was never initialised should not look like zero
}

@notrace function poison_object(object: usize, size: i32): void {
  if (is_poison(object, size)) panic("double free of a slab object");
  memory.fill(object, OBJECT_POISON, size);
}

/** `size` bytes (at most 2048), contents undefined, or 0. */
export function kmalloc(size: i32): usize {
  let index = 0;
  while (SMALLEST << index < size) index++;
  if (index >= KMALLOC_CACHES) panic("kmalloc() of more than 2048 bytes; take pages");
  return cache_alloc(CACHE_KMALLOC + index);
}

/** `size` bytes of zeroes, or 0. */
export function kzalloc(size: i32): usize {
  const object = kmalloc(size);
  if (object) memory.fill(object, 0, size);
  return object;
}

/** Undoes kmalloc(); 0 is allowed. */
export function kfree(object: usize): void {
  if (object) cache_free(object);
}

/** Objects in use in all caches. */
export function slab_objects(): i32 {
  let sum = 0;
  for (let i = 0; i < SLAB_CACHE_COUNT; i++) sum += cache_at(i).in_use;
  return sum;
}

/** Pages that the slabs of all caches take. */
export function slab_pages(): i32 {
  let sum = 0;
  for (let i = 0; i < SLAB_CACHE_COUNT; i++) sum += cache_at(i).slabs << cache_at(i).order;
  return sum;
}
