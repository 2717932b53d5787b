/**
 * Words for the operator: who is in the way, inside what, with the whole stack. Kept in KLP_REPORT until the next request.
 */
import { KLP_REPORT, KLP_REPORT_LENGTH, KLP_REPORT_SIZE, KLP_REPORT_TEXT, SYMBOL_NAME, SYMBOL_NAME_LENGTH, TASK_NAME_SIZE } from "../layout";
import { put_bytes, put_number, put_text, put_zero_ended } from "../lib/text";
import { put_stack } from "../sched/stacktrace";
import { Task } from "../sched/task";

export const REPORT_END = <usize>(KLP_REPORT + KLP_REPORT_SIZE);

@notrace export function report_clear(): usize {
  store<i32>(KLP_REPORT, 0, KLP_REPORT_LENGTH);
  return KLP_REPORT + KLP_REPORT_TEXT;
}

@notrace export function report_end(at: usize): void {
  store<i32>(KLP_REPORT, <i32>(at - KLP_REPORT) - KLP_REPORT_TEXT, KLP_REPORT_LENGTH);
}

/** `PID: 7 Comm: reader`, then the stack. The task cannot run meanwhile. */
@notrace export function put_task_report(at: usize, task: Task): usize {
  const name = changetype<usize>(task) + offsetof<Task>("name_0");
  at = put_zero_ended(put_text(put_number(put_text(at, "PID: "), task.pid), " Comm: "), name, TASK_NAME_SIZE);
  at = put_text(at, "\n");
  return put_stack(at, <i32>(REPORT_END - at), task);
}

/** Writes why a stack check failed: the function of `row`, or an unreadable stack. Always true. */
@notrace export function report_offender(task: Task, row: usize): bool {
  let at = report_clear();
  at = put_text(at, "activeness safety check failed for ");
  at = row ? put_bytes(at, <usize>load<u32>(row, SYMBOL_NAME), load<i32>(row, SYMBOL_NAME_LENGTH)) : put_text(at, "an unreliable stack");
  report_end(put_task_report(put_text(at, "\n"), task));
  return true;
}
