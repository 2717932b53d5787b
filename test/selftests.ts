/** The in-kernel self-tests by row (test/kernel/index.ts), as sentences. */
export const SELFTESTS: readonly string[] = [
  "a spin lock keeps others out",
  "no wake-up is lost in a ring of sleepers",
  "wake_up_all() wakes every sleeper once",
  "live stacks survive every switch, on whatever CPU they go on",
  "a parent reaps each child once, with its code",
  "orphans are reaped by pid 1",
  "a sleeping kernel thread stops when asked",
  "timers wake everybody, and nobody early",
  "allocators hand out each byte once",
  "a pipe delivers every byte once and in order",
  "a writer asleep on a full pipe wakes when the reader goes",
  "one write wakes as many readers as it has bytes for",
  "schedule_on_each_cpu() runs on each CPU before it returns",
  "concurrent callers of schedule_on_each_cpu() wait each for their own",
  "a work item runs on the CPU that was asked for",
  "a function call reaches every CPU",
  "a line calls its handler on the CPU where it was raised, once per raise",
  "a shared line calls everybody who requested it; one that is not shared is EBUSY",
  "a line raised while it is disabled calls its handler once when it is enabled, and none while interrupts are off",
  "an interrupt on a line that nobody requested is counted",
  "a line's handler never runs on two CPUs, and on none once it is freed",
  "softirqs that do not end are left to ksoftirqd",
  "an interrupt comes on top of a softirq, and is over before the softirq goes on",
  "a tasklet runs on one CPU at a time",
  "the host answers each task what it asked, one at a time",
  "a question that the host does not know is ENOSYS, an answer that does not fit EIO",
  "a CPU goes and comes by steps, and one that fails has the others taken back",
  "a round over all CPUs reaches each that there is, once, while one goes and comes",
  "a mutex keeps others out while its holder sleeps, and may be given back in any order",
  "a waiter for a mutex that a signal sends away costs nobody else the mutex",
  "complete() lets one waiter pass, complete_all() everybody from then on",
  "a waiter for a completion that a signal sends away costs nobody else the completion",
  "a reader under RCU never meets what a writer freed behind synchronize_rcu()",
  "call_rcu() calls each head once, when all who read then have ended, and in order",
  "a grace period ends while a CPU goes and comes",
];

/** Row of the test that needs 64 MiB. */
export const TEN_THOUSAND_TASKS: number = SELFTESTS.length;
/** Row of the test whose outcome is in the log. */
export const LOG_LINES: number = SELFTESTS.length + 1;
