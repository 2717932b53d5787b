/**
 * Circular doubly linked lists of nodes that live inside other records.
 *
 * A head that points at itself is an empty list; a node that is on no list points at itself too, so removing twice
 * does no harm. Whoever owns the head names the lock that guards it.
 */
@unmanaged
export class ListNode {
  next: ListNode;
  prev: ListNode;
}
export const LIST_NODE_SIZE = 8;

@inline export function list_init(node: ListNode): void {
  node.next = node;
  node.prev = node;
}

@inline export function list_empty(head: ListNode): bool {
  return head.next == head;
}

@inline export function list_add_tail(head: ListNode, node: ListNode): void {
  const last = head.prev;
  node.prev = last;
  node.next = head;
  last.next = node;
  head.prev = node;
}

@inline export function list_add(head: ListNode, node: ListNode): void {
  list_add_tail(head.next, node);
}

@inline export function list_remove(node: ListNode): void {
  node.prev.next = node.next;
  node.next.prev = node.prev;
  list_init(node);
}
