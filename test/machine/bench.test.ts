import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { bootKernels, IMAGES } from "../../host/bench/kernels.ts";
import type { Kernel } from "../../host/bench/kernels.ts";
import { measure } from "../../host/bench/measure.ts";
import { measureWakeUps } from "../../host/bench/wakeup.ts";
import { PACKAGE_ROOT } from "../../host/toolchain/compile.ts";
import { SYS_GETPID, SYS_READ } from "../../kernel/abi.ts";

let kernels: Kernel[];
beforeAll(async () => {
  kernels = await bootKernels();
});

describe("the benchmark of system calls", () => {
  it("boots each image far enough to answer them, the run-to-completion ones included", () => {
    expect(kernels.map(({ syscalls }) => syscalls(SYS_GETPID, 0, 0, 0, 3))).toEqual(IMAGES.map(() => 0));
  });

  it("refuses figures of calls that fail", () => {
    for (const { syscalls } of kernels) {
      expect(() => syscalls(SYS_READ, 9, 0, 1, 3)).toThrow(expect.objectContaining({ code: "REQUEST_FAILED" }));
    }
  });

  it("gives figures for each kind of work and image, and compares with the first", () => {
    const measurements = measure(kernels, { rounds: 3, calls: 3000 });
    expect(measurements.length).toBe(2);
    for (const { rows } of measurements) {
      expect(rows.map(({ image }) => image)).toEqual(IMAGES.map(({ name }) => name));
      expect(rows[0]?.ratio).toEqual({ median: 1, lower: 1, upper: 1 });
      for (const { nsPerCall, ratio } of rows) {
        expect(nsPerCall.lower).toBeGreaterThan(0);
        expect(nsPerCall.lower <= nsPerCall.median && nsPerCall.median <= nsPerCall.upper).toBe(true);
        expect(ratio.median).toBeGreaterThan(0);
      }
    }
  });

  it("refuses an argument that it does not know", async () => {
    const bench = promisify(execFile)(process.execPath, ["dist/host/bench/main.js", "--jsno"], { cwd: PACKAGE_ROOT });
    await expect(bench).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("BAD_USAGE") });
  });
});

describe("the benchmark of wake-ups", () => {
  it("has a wake-up for most bytes, and orders its figures", async () => {
    const { count, p50, p99, max } = await measureWakeUps(200);
    expect(count).toBeGreaterThan(100); // on a loaded computer the other CPU may still be awake
    expect(p50).toBeGreaterThan(0);
    expect(p50 <= p99 && p99 <= max).toBe(true);
  });
});
