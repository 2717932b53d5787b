/**
 * Taint: what has happened to this kernel that whoever reads its log should know. /proc/sys/kernel/tainted shows it.
 */
import { SYSCTLS, SYSCTL_TAINTED } from "../layout";

/** Notes TAINT_* bits, for good. Any context. */
@notrace export function taint(bits: i32): void {
  atomic.or<i32>(SYSCTLS, bits, SYSCTL_TAINTED);
}
