/**
 * How tests run: one file at a time, each in its own process, so that a machine's CPUs have the cores to themselves
 * and a wedged test takes nothing else with it.
 */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
