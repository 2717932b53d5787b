import { describe, expect, it } from "vitest";
import { HISTOGRAM_BUCKETS, LOG, LOG_HEAD, LOG_TEXT, LOG_TEXT_SIZE } from "../../kernel/layout.ts";
import { abortable } from "../../host/abort.ts";
import { describeStack, parseStack } from "../../host/cpu/backtrace.ts";
import { eventsOf, EventSource } from "../../host/events.ts";
import { bucketEnd, percentiles } from "../../host/histogram.ts";
import { LogReader } from "../../host/log.ts";
import { createMemory } from "../../host/memory.ts";
import { Random } from "../../host/random.ts";
import { parseMeminfo } from "../../host/stats.ts";

describe("random numbers", () => {
  const sequence = (seed: number): number[] => {
    const random = new Random(seed);
    return Array.from({ length: 5 }, () => random.next());
  };

  it("follow from the seed, in every engine", () => {
    expect(sequence(1)).toEqual(sequence(1));
    expect(sequence(1)).toMatchInlineSnapshot(`
      [
        393288148,
        2174103013,
        3814759091,
        2092745082,
        1865176206,
      ]
    `);
  });

  it("differ between neighbouring seeds, zero included", () => {
    expect(new Set([0, 1, 2, 3].map((seed) => sequence(seed).join())).size).toBe(4);
  });

  it("stay below their limit and reach every value", () => {
    const random = new Random(7);
    expect(new Set(Array.from({ length: 1000 }, () => random.below(7)))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]));
  });
});

describe("a histogram", () => {
  /** The kernel's rule, from kernel/cpu/percpu.ts. */
  const bucketOf = (value: number): number => {
    const octave = Math.floor(Math.log2(value));
    return octave * 8 + Math.floor((value / 2 ** octave - 1) * 8);
  };
  const of = (...values: number[]) => {
    const histogram = new Float64Array(HISTOGRAM_BUCKETS);
    for (const value of values) histogram[bucketOf(value)] = (histogram[bucketOf(value)] ?? 0) + 1;
    return histogram;
  };

  it("ends each bucket where the next begins", () => {
    for (const value of [1, 2, 3, 7, 8, 9, 1000, 123_456_789]) {
      expect(bucketEnd(bucketOf(value)), `${value}`).toBeGreaterThan(value);
      expect(bucketEnd(bucketOf(value)), `${value}`).toBeLessThanOrEqual(Math.max(2, value * 1.125));
    }
  });

  it("gives percentiles that are never too good, and at most an eighth too large", () => {
    const values = Array.from({ length: 1000 }, (_, index) => 1000 + index * 10);
    const { count, p50, p99, max } = percentiles(of(...values), 10_990);
    expect(count).toBe(1000);
    expect(p50).toBeGreaterThanOrEqual(5990);
    expect(p50).toBeLessThan(6000 * 1.125);
    expect(p99).toBeGreaterThanOrEqual(10_880);
    expect(max).toBe(10_990);
  });

  it("gives no percentile above the maximum, and zeros when it is empty", () => {
    expect(percentiles(of(1000), 1000)).toEqual({ count: 1, p50: 1000, p90: 1000, p99: 1000, max: 1000 });
    expect(percentiles(of(), 0)).toEqual({ count: 0, p50: 0, p90: 0, p99: 0, max: 0 });
  });
});

describe("a backtrace", () => {
  const STACK = `RuntimeError: divide by zero
    at kernel/user/faults/divide (wasm://wasm/aa11:wasm-function[12]:0x3a4)
    at kernel/user/faults/deep (wasm://wasm/aa11:wasm-function[13]:0x400)
    at kernel/user/faults/deep (wasm://wasm/aa11:wasm-function[13]:0x400)
    at wasm://wasm/aa11:wasm-function[9]:0x99
    at kernel/process/user/user_main (wasm://wasm/bb22:wasm-function[200]:0x1f00)
    at kernel/cpu/run/cpu_run (wasm://wasm/bb22:wasm-function[7]:0x20)
    at Cpu.run (file:///host/cpu/cpu.js:55:27)`;

  it("is read from what the engine prints, without JavaScript's frames", () => {
    expect(parseStack(STACK).map(({ name, module, offset }) => `${name} ${module} ${offset}`)).toEqual([
      "divide aa11 932",
      "deep aa11 1024",
      "deep aa11 1024",
      "function 9 aa11 153",
      "user_main bb22 7936",
      "cpu_run bb22 32",
    ]);
  });

  it("names places in the right image, tells a recursion once, and ends above the CPU loop", () => {
    expect(describeStack(STACK, (image, offset) => `${image}:${offset}`)).toEqual([
      "  divide (user:932)",
      "  deep (user:1024)",
      "  function 9 (user:153)",
      "  user_main (kernel:7936)",
    ]);
  });

  it("names functions alone when there is no source map", () => {
    expect(describeStack(STACK, () => undefined)[0]).toBe("  divide");
  });

  it("of something else is empty", () => {
    expect(describeStack("Error: no\n    at main (file:///x.js:1:1)", () => undefined)).toEqual([]);
  });
});

describe("the log", () => {
  const memory = createMemory(1);
  const reader = new LogReader(memory);
  const write = (text: string): void => {
    const head = memory.load(LOG + LOG_HEAD);
    for (const [index, byte] of new TextEncoder().encode(text).entries()) {
      memory.bytes[LOG + LOG_TEXT + ((head + index) % LOG_TEXT_SIZE)] = byte;
    }
    memory.store(LOG + LOG_HEAD, head + text.length);
  };

  it("is drained line by line, each line once", () => {
    expect(reader.drain()).toEqual([]);
    write("one\ntwo\n");
    expect(reader.drain()).toEqual(["one", "two"]);
    expect(reader.drain()).toEqual([]);
  });

  it("goes on over the end of its ring", () => {
    for (let i = 0; i < 3; i++) {
      write(`${"x".repeat(LOG_TEXT_SIZE / 2)}\n`);
      expect(reader.drain()).toHaveLength(1);
    }
  });

  it("says how much was overwritten before anybody looked", () => {
    write("lost\n".repeat(LOG_TEXT_SIZE / 4));
    const [notice, ...rest] = reader.drain();
    expect(notice).toMatch(/^\(\d+ bytes of the log were overwritten/);
    expect(rest.every((line) => line === "lost")).toBe(true);
  });
});

describe("events", () => {
  it("make a fault of the line that reports one", () => {
    expect(eventsOf("[    0.060510] crash[7] fault: divide by zero")).toEqual([
      { kind: "log", line: "[    0.060510] crash[7] fault: divide by zero" },
      { kind: "fault", task: "crash", pid: 7, message: "divide by zero" },
    ]);
    expect(eventsOf("[    0.000001] machine is up")).toHaveLength(1);
    expect(eventsOf("[    0.000002] kgr: succeeded 'pair'")[1]).toEqual({
      kind: "transition",
      patch: "pair",
      state: "enabled",
    });
  });

  it("reach every reader, in order, until the source ends", async () => {
    const source = new EventSource();
    const readers = [source.read(), source.read()];
    const first = readers.map((reader) => reader.next());
    for (const line of ["a", "b"]) source.emit({ kind: "log", line });
    source.end();
    for (const [index, reader] of readers.entries()) {
      expect((await first[index])?.value).toEqual({ kind: "log", line: "a" });
      expect((await reader.next()).value).toEqual({ kind: "log", line: "b" });
      expect((await reader.next()).done).toBe(true);
    }
  });
});

describe("an abort signal", () => {
  it("ends a wait with a MachineError, before or during it", async () => {
    const never = new Promise<void>(() => {});
    await expect(abortable(never, AbortSignal.abort())).rejects.toMatchObject({ code: "ABORTED" });
    const controller = new AbortController();
    const waiting = abortable(never, controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: "ABORTED" });
  });

  it("that stays quiet changes nothing", async () => {
    expect(await abortable(Promise.resolve(3), new AbortController().signal)).toBe(3);
  });
});

describe("/proc/meminfo", () => {
  it("is read in bytes", () => {
    expect(parseMeminfo("MemTotal:          64776 kB\nMemFree:           64544 kB\n")).toEqual({
      totalBytes: 64776 * 1024,
      freeBytes: 64544 * 1024,
    });
  });
});
