/**
 * The smallest module that does something: it says so in the log when it comes and when it goes.
 */
import { log_begin, log_end, log_num, log_str } from "../../kernel/lib/printk";

export const MODULE_LICENSE = "MIT";
export const MODULE_VERSION = "1.0";
export const MODULE_DESCRIPTION = "Says hello";

/** How often it says it. */
@param let times: i32 = 1;
/** What it has said so far. */
let said: i32 = 0;

export function init_module(): i32 {
  for (let i = 0; i < times; i++) say();
  return 0;
}

export function cleanup_module(): void {
  log_begin();
  log_str("hello: goodbye after ");
  log_num(said);
  log_end();
}

function say(): void {
  said++;
  log_begin();
  log_str("hello: number ");
  log_num(said);
  log_end();
}
