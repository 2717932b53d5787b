/**
 * Taint: what has happened to this kernel that whoever reads its log should know. /proc/sys/kernel/tainted shows it as a
 * number, an oops as letters: each has its place, and the first is G where it could be P.
 */
import { SYSCTLS, SYSCTL_TAINTED } from "../layout";
import { log_char, log_str } from "./printk";
import { literal_char, literal_length } from "./text";

/** By number of the bit. */
const LETTERS = "PFSRMBUDAWCIOELKXTN";
const CLEAN_FIRST: u8 = 71; // 'G'

/** Notes TAINT_* bits, for good. Any context. */
@notrace export function taint(bits: i32): void {
  atomic.or<i32>(SYSCTLS, bits, SYSCTL_TAINTED);
}

/** Adds `Not tainted`, or `Tainted: ` with the letters, to the line under construction. */
@notrace export function log_taint(): void {
  const bits = load<i32>(SYSCTLS, SYSCTL_TAINTED); // never an older value than this CPU's own taint() left; a report may not step
  if (!bits) return log_str("Not tainted");
  log_str("Tainted: ");
  const last = 31 - clz(bits);
  for (let bit = 0; bit <= last && bit < literal_length(LETTERS); bit++) {
    log_char(bits >> bit & 1 ? literal_char(LETTERS, bit) : bit ? 32 : CLEAN_FIRST);
  }
}
