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
];

/** Row of the test that needs 64 MiB. */
export const TEN_THOUSAND_TASKS: number = SELFTESTS.length;
/** Row of the test whose outcome is in the log. */
export const LOG_LINES: number = SELFTESTS.length + 1;
