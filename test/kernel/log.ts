/** The log keeps lines whole, whoever writes at the same time. */
import { log_begin, log_end, log_num, log_str } from "../../kernel/lib/printk";
import { run_threads } from "./harness";

const WRITERS = 4;
const LINES = 500; // together more than the ring holds

function writer(argument: i32): i32 {
  for (let i = 0; i < LINES; i++) {
    log_begin();
    log_str("writer ");
    log_num(argument);
    log_str(" line ");
    log_num(i);
    log_end();
  }
  return 0;
}

/** What came of it the host looks at. */
export function test_log_lines(): i32 {
  return run_threads(WRITERS, writer);
}
