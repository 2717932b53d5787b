/**
 * How tests run: two files at a time, since machines have two cores. First those that need one thread, in two processes
 * that keep the compiler warm; then those with threads of their own, each in its own process, so that a wedged test
 * takes nothing else with it. These meet a busy computer, and wait on conditions.
 */
import { defineConfig } from "vitest/config";

const ONE_THREAD = [
  "test/{bench/{report,statistics},cli/build,docs}.test.ts",
  "test/{toolchain,stepped}/*.test.ts",
  "test/{interrupts,tracing}/patched.test.ts",
  "test/livepatch/{in-use,life-cycle,oracle,planted,seeds}.test.ts",
  "test/machine/{mailbox,parts,rpc,upcalls}.test.ts",
  "test/processes/transition.test.ts",
];

const LIMITS = { pool: "forks", testTimeout: 60_000, hookTimeout: 120_000 } as const;

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...LIMITS,
          name: "one thread",
          include: ONE_THREAD,
          isolate: false,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...LIMITS,
          name: "threads",
          include: ["test/**/*.test.ts"],
          exclude: ONE_THREAD,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
