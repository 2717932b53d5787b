/**
 * What a process is promised, as sentences; each is a user program of test/processes/programs that gives 0.
 *
 * A new promise is a row, a program, and its export in programs/main.ts.
 */
export interface Trial {
  readonly program: string;
  readonly sentence: string;
}

export const TRIALS: readonly Trial[] = [
  { program: "statuses", sentence: "a child's end is told as Linux encodes it: exit code << 8, or the signal" },
  { program: "zombie_waits", sentence: "a child that ended waits as a zombie until its parent asks, once" },
  {
    program: "no_children",
    sentence: "wait() without a child that matches is ECHILD, and WNOHANG gives 0 while one runs",
  },
  { program: "orphan", sentence: "whose parent ended becomes a child of pid 1, which reaps it" },
  { program: "ignored_children", sentence: "a parent that ignores SIGCHLD gets no zombies" },
  { program: "kill_sleeper", sentence: "a signal ends a sleeper in its sleep, and a spinner in its loop" },
  { program: "stop_and_go", sentence: "a stopped child is told once, and what it is sent meanwhile waits for SIGCONT" },
  { program: "stop_reader", sentence: "a read that was stopped in its sleep goes on as if nothing had been" },
  { program: "kill_stopped", sentence: "SIGKILL ends a stopped process" },
  {
    program: "ignore_signals",
    sentence: "an ignored signal does nothing, in children too; SIGKILL works all the same",
  },
  { program: "broken_pipe", sentence: "writing where nobody reads is SIGPIPE, or EPIPE for who ignores it" },
  { program: "groups", sentence: "a signal to a group reaches its processes and no other" },
  { program: "bad_signals", sentence: "wrong signals and wrong pids are refused with Linux's numbers" },
  { program: "arguments_arrive", sentence: "a program gets its arguments" },
  { program: "arguments_are_checked", sentence: "arguments that are too long, unfinished or out of reach are refused" },
  { program: "descriptors", sentence: "a planned child has the three descriptors that it was given, and no other" },
  { program: "share_window", sentence: "threads share window and files" },
  { program: "exit_ends_threads", sentence: "exit() of one thread ends all, with its code" },
  { program: "kill_ends_threads", sentence: "SIGKILL ends all threads, asleep or busy" },
  { program: "fault_ends_threads", sentence: "a fault in one thread ends all" },
  { program: "leader_first", sentence: "a thread that returns ends alone" },
  { program: "futex_excludes", sentence: "a lock of a futex keeps other threads out, and wakes who waits" },
  { program: "futex_refuses", sentence: "a futex refuses another value, an odd address and an unknown request" },
];
