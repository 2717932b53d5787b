/**
 * Time: nanoseconds since the machine booted, the same on every CPU.
 *
 * The only source of time in the kernel, so that the stepped platform can put a virtual clock behind it.
 */

/** Nanoseconds since boot; monotonic, comparable between CPUs. Source: the host's monotonic clock. */
@external("env", "clock_ns") export declare function clock_ns(): f64;
