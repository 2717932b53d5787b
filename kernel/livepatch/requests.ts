/**
 * The host's live-patch requests, as rows of hostd's table: each takes an argument and bytes in the mailbox.
 */
import {
  EINVAL, ENOMEM, KLP_STATE_NONE, MAIL_OP_KLP_DISABLE, MAIL_OP_KLP_ENABLE, MAIL_OP_KLP_UNLOAD,
} from "../abi";
import { KLP_REPORT, KLP_REPORT_LENGTH, KLP_REPORT_TEXT, MAILBOX, MAX_PATCHES, PAGE_SIZE, WORD } from "../layout";
import { put_number, put_text } from "../lib/text";
import { spin_lock, spin_unlock } from "../lock/spinlock";
import { alloc_pages, free_pages, MAX_ORDER, page_order } from "../mm/page";
import { runqueue } from "../sched/runqueue";
import { pin_task, unpin_task } from "../sched/stacktrace";
import { TF_KGR, has_flag } from "../sched/task";
import { first_task, next_task, tasklist } from "../sched/tasklist";
import { klp_load, klp_request } from "./core";
import { patch_at } from "./patch";
import { klp_lock, klp_unlock, moving_patch } from "./request";
import { REPORT_END, put_task_report, report_clear, report_end } from "./report";
import { poke_marked_tasks } from "./signal";
import { KlpState, klp } from "./state";
import { trace_start, trace_stop } from "./version_trace";

/** Bytes → address of whole pages. */
export function klp_alloc(bytes: i32, length: i32): i32 {
  let order = 0;
  while (order <= MAX_ORDER && PAGE_SIZE << order < bytes) order++;
  if (bytes < 1) return -EINVAL;
  const block = order > MAX_ORDER ? 0 : alloc_pages(order);
  return block ? <i32>block : -ENOMEM;
}

export function klp_free(address: i32, length: i32): i32 {
  free_pages(address, page_order(address));
  return 0;
}

export function klp_load_patch(argument: i32, length: i32): i32 {
  return klp_load(MAILBOX);
}
export function klp_enable(number: i32, length: i32): i32 {
  report_clear();
  return klp_request(MAIL_OP_KLP_ENABLE, number);
}
export function klp_disable(number: i32, length: i32): i32 {
  report_clear();
  return klp_request(MAIL_OP_KLP_DISABLE, number);
}
export function klp_unload(number: i32, length: i32): i32 {
  return klp_request(MAIL_OP_KLP_UNLOAD, number);
}

/** Three words in the mailbox: state of the patch, result of the last request, tasks that have not moved. */
export function klp_status(number: i32, length: i32): i32 {
  store<i32>(MAILBOX, <u32>number < <u32>MAX_PATCHES ? patch_at(number).state : KLP_STATE_NONE);
  store<i32>(MAILBOX, klp().result, WORD);
  store<i32>(MAILBOX, atomic.load<i32>(changetype<usize>(klp()), offsetof<KlpState>("remaining")), 2 * WORD);
  return 3 * WORD;
}

export function klp_signal(argument: i32, length: i32): i32 {
  klp_lock();
  const patch = moving_patch();
  const poked = changetype<usize>(patch) ? poke_marked_tasks(patch) : 0;
  klp_unlock();
  return poked;
}

/** The last report, or, while a transition waits, who blocks it: text in the mailbox; its length. */
export function klp_blockers(argument: i32, length: i32): i32 {
  if (atomic.load<i32>(changetype<usize>(klp()), offsetof<KlpState>("remaining")) > 0) report_blockers();
  const bytes = load<i32>(KLP_REPORT, KLP_REPORT_LENGTH);
  memory.copy(MAILBOX, KLP_REPORT + KLP_REPORT_TEXT, bytes);
  return bytes;
}

/** Room that one task's report may need. */
const TASK_REPORT = 600;

function report_blockers(): void {
  let at = report_clear();
  spin_lock(tasklist());
  for (let task = first_task(); changetype<usize>(task); task = next_task(task)) {
    if (!has_flag(task, TF_KGR)) continue;
    if (at + TASK_REPORT >= REPORT_END) break;
    if (pin_task(task)) {
      at = put_task_report(at, task);
      unpin_task(task, runqueue(task.cpu));
    } else at = put_text(put_number(put_text(put_number(put_text(at, "PID: "), task.pid), " running on cpu "), task.cpu), "\n");
  }
  spin_unlock(tasklist());
  report_end(at);
}

/** 1 starts the version trace and gives the ring's address; 0 ends it and gives its memory back. */
export function klp_trace(on: i32, length: i32): i32 {
  return on ? trace_start() : trace_stop();
}
