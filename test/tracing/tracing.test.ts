/** The function tracers by their files: what they show, what they refuse. */
import { describe, expect, it } from "vitest";
import type { Machine, MachineOptions } from "../../host/index.ts";
import { underLoad } from "../livepatch/rig.ts";
import type { Load } from "../livepatch/rig.ts";
import { functionLines, graphLines, torn } from "./graph.ts";

const PIPES: Load = [["pipes", 1]];
const SLEEPERS: Load = [
  ["sleeper", 300],
  ["sleeper", 500],
];
const PLATFORMS: readonly MachineOptions[] = [
  { platform: "stepped", cpus: 1, seed: 2 },
  { platform: "stepped", cpus: 2, seed: 3 },
  { platform: "stepped", cpus: 4, seed: 4 },
  { platform: "threads", debug: true, cpus: 1 },
  { platform: "threads", debug: true, cpus: 2 },
  { platform: "threads", debug: false, cpus: 4 },
];
/** No ring overflows meanwhile: what is overwritten leaves gaps. */
const LARGE = "1024";

/** Runs until the trace holds something that `enough` accepts; gives it. */
async function traceWith(machine: Machine, enough: (trace: string) => boolean): Promise<string> {
  for (;;) {
    await machine.run(0.002);
    await machine.tracing().write("tracing_on", "0");
    const trace = await machine.tracing().read("trace");
    if (enough(trace)) return trace;
    await machine.tracing().write("tracing_on", "1");
  }
}

describe.each(PLATFORMS)("on $platform with $cpus CPUs, debug $debug,", (options) => {
  const machine = { memoryMiB: 32, ...options };

  it("the function tracer shows each call with its task, CPU, time and caller, in order of time", async () => {
    await underLoad(machine, PIPES, async (running) => {
      const tracing = running.tracing();
      await tracing.write("set_ftrace_filter", "pipe_read pipe_write vfs_*");
      await tracing.write("current_tracer", "function");
      const bothRan = (trace: string): boolean => trace.includes("pipe_write <-") && trace.includes("pipe_read <-");
      const lines = functionLines(await traceWith(running, (trace) => trace.split("\n").length > 60 && bothRan(trace)));
      await tracing.write("current_tracer", "nop");
      expect(new Set(lines.map(({ name, caller }) => `${name} <-${caller}`))).toEqual(
        new Set(["vfs_read <-sys_read", "vfs_write <-sys_write", "pipe_read <-vfs_read", "pipe_write <-vfs_write"]),
      );
      expect(lines.map(({ seconds }) => seconds)).toEqual(
        lines.map(({ seconds }) => seconds).toSorted((a, b) => a - b),
      );
      expect(new Set(lines.map(({ comm }) => comm))).toEqual(new Set(["pipes", "pipe_reader"]));
    });
  });

  it("function_graph nests calls, and a task that sleeps inside one has not left it", async () => {
    await underLoad(machine, SLEEPERS, async (running, [sleeper = 0, other = 0]) => {
      const tracing = running.tracing();
      await tracing.write("buffer_size_kb", LARGE);
      await tracing.write("set_ftrace_filter", "sys_nanosleep sleep_until schedule dispatch_syscall timer_*");
      await tracing.write("current_tracer", "function_graph");
      const naps = (trace: string): number =>
        graphLines(trace).filter(({ pid, kind, micros }) => pid === sleeper && kind === "return" && micros > 250)
          .length;
      const trace = await traceWith(running, (text) => naps(text) > 6);
      const lines = graphLines(trace);
      await tracing.write("current_tracer", "nop");
      expect(torn(lines, sleeper)).toEqual([]);
      expect(torn(lines, other)).toEqual([]);
    });
  });

  it("tracing everything and then nothing leaves nothing behind", async () => {
    await underLoad(machine, SLEEPERS, async (running) => {
      for (const tracer of ["function", "function_graph", "function", "nop", "function_graph"]) {
        await running.tracing().write("current_tracer", tracer);
        await running.run(0.001);
      }
      await running.tracing().write("current_tracer", "nop");
      const slots = Array.from({ length: 100 }, (_, index) => index + 1);
      const entries = await running.slotEntries(slots);
      expect(entries.flat().filter((entry) => entry === "trace" || entry === "stub")).toEqual([]);
    });
  });
});

describe("the tracer's files", () => {
  const machine = { cpus: 2, seed: 7 };

  it("say what they were told, and refuse what Linux refuses", async () => {
    await underLoad(machine, [], async (running) => {
      const tracing = running.tracing();
      expect(await tracing.read("available_tracers")).toBe("function_graph function nop\n");
      expect(await tracing.read("current_tracer")).toBe("nop\n");
      expect(await tracing.read("set_ftrace_filter")).toBe("#### all functions enabled ####\n");
      expect(await tracing.read("set_ftrace_notrace")).toBe("#### no functions disabled ####\n");
      expect((await tracing.read("available_filter_functions")).split("\n")).toContain("pipe_read");
      await expect(tracing.write("current_tracer", "wakeup")).rejects.toMatchObject({
        message: expect.stringMatching(/EINVAL/),
      });
      await expect(tracing.write("set_ftrace_filter", "no_such_*")).rejects.toMatchObject({
        message: expect.stringMatching(/EINVAL/),
      });
      await expect(tracing.write("tracing_on", "maybe")).rejects.toMatchObject({
        message: expect.stringMatching(/EINVAL/),
      });
      await expect(tracing.read("nothing")).rejects.toMatchObject({ message: expect.stringMatching(/ENOENT/) });
      await tracing.write("set_ftrace_filter", "pipe_read pipe_wr* vfs_rea?");
      await tracing.append("set_ftrace_filter", "sys_[p]ipe\n!pipe_read");
      expect((await tracing.read("set_ftrace_filter")).trim().split("\n").toSorted()).toEqual([
        "pipe_write",
        "sys_pipe",
        "vfs_read",
      ]);
      await tracing.write("set_ftrace_filter", "");
      await tracing.write("buffer_size_kb", "10");
      expect(await tracing.read("buffer_size_kb")).toBe("16\n"); // whole blocks of pages
    });
  });

  it("count what a full ring lost, show markers between calls, and trace_pipe takes what it shows", async () => {
    await underLoad(machine, PIPES, async (running) => {
      const tracing = running.tracing();
      await tracing.write("buffer_size_kb", "4");
      await tracing.write("set_ftrace_filter", "vfs_read");
      await tracing.write("current_tracer", "function");
      await running.run(0.01);
      await tracing.write("trace_marker", "a text that does not fit into a single record, for it is long\n");
      await tracing.write("tracing_on", "0");
      const [, present, written] = /written: (\d+)\/(\d+)/.exec(await tracing.read("trace")) ?? [];
      expect(Number(present)).toBeLessThan(Number(written));
      const piped = await tracing.read("trace_pipe");
      expect(piped).toMatch(/tracing_mark_write: a text that does not fit into a single record, for it is long\n/);
      expect(piped).toMatch(/: vfs_read <-sys_read\n/);
      expect(await tracing.read("trace_pipe")).toBe("");
      await tracing.write("current_tracer", "nop");
    });
  });

  it("leave out what set_ftrace_notrace names", async () => {
    await underLoad(machine, PIPES, async (running) => {
      const tracing = running.tracing();
      await tracing.write("set_ftrace_notrace", "*");
      await tracing.append("set_ftrace_notrace", "!pipe_*");
      await tracing.write("current_tracer", "function");
      const lines = functionLines(await traceWith(running, (trace) => trace.includes("pipe_write")));
      expect(lines.filter(({ name }) => !name.startsWith("pipe_"))).toEqual([]);
      await tracing.write("current_tracer", "nop");
    });
  });
});
