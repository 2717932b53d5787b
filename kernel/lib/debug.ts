/**
 * pr_debug(): lines for the log that are off until somebody asks for them (/sys/kernel/debug/dynamic_debug/control).
 *
 *   pr_debug("'%s': %d tasks left", name, left);
 *
 * `%s` is the bytes up to a zero at `name`, `%d` the number. The toolchain puts in place of each call a look at its own
 * byte, and the call only if that is set: a line that is off costs one load.
 */
@external("env", "pr_debug") export declare function pr_debug(format: string, name: usize, number: i32): void;
