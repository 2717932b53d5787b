/** /sys/kernel/tracing as a user of the shell meets it, with cat and echo. */
import { describe, expect, it } from "vitest";
import type { Machine, MachineOptions } from "../../host/index.ts";
import { underLoad } from "../livepatch/rig.ts";
import { functionLines, graphLines } from "./graph.ts";

const DIR = "/sys/kernel/tracing";
const PLATFORMS: readonly MachineOptions[] = [
  { platform: "stepped", cpus: 2, seed: 3 },
  { platform: "threads", debug: true, cpus: 2 },
];

/** What the line prints; throws unless it succeeds. */
async function sh(machine: Machine, line: string): Promise<string> {
  const { status, stdout } = await machine.exec(line);
  if (status !== 0) throw new Error(`${line}: ${status}: ${stdout}`);
  return stdout;
}

describe.each(PLATFORMS)("on $platform, /sys/kernel/tracing", (options) => {
  it("is read with cat and written with echo", async () => {
    await underLoad({ memoryMiB: 32, ...options }, [["pipes", 1]], async (machine) => {
      expect(await sh(machine, `cat ${DIR}/current_tracer ${DIR}/available_tracers`)).toBe(
        "nop\nfunction_graph function nop\n",
      );
      const all = (await sh(machine, `cat ${DIR}/available_filter_functions`)).split("\n");
      expect(all).toContain("pipe_read");
      expect(all).toContain("sys_nanosleep");

      // `>` sets the filter anew, `>>` adds to it.
      await sh(machine, `echo pipe_read > ${DIR}/set_ftrace_filter; echo vfs_read > ${DIR}/set_ftrace_filter`);
      await sh(machine, `echo 'pipe_w*' >> ${DIR}/set_ftrace_filter`);
      expect((await sh(machine, `cat ${DIR}/set_ftrace_filter`)).split("\n").toSorted()).toEqual([
        "",
        "pipe_write",
        "vfs_read",
      ]);
      await sh(machine, `echo 512 > ${DIR}/buffer_size_kb`); // the marker is still there when the rest is
      await sh(machine, `echo function > ${DIR}/current_tracer; echo hello > ${DIR}/trace_marker`);
      await machine.run(0.005);
      await sh(machine, `echo 0 > ${DIR}/tracing_on`);
      const trace = await sh(machine, `cat ${DIR}/trace`);
      expect(trace).toContain("tracing_mark_write: hello\n");
      const lines = functionLines(trace.replace(/.*tracing_mark_write.*\n/, ""));
      expect(new Set(lines.map(({ name }) => name))).toEqual(new Set(["pipe_write", "vfs_read"]));
      expect(await machine.read(`${DIR}/trace`)).toBe(trace);

      // Each CPU's own is part of the whole.
      const each = (await sh(machine, `cat ${DIR}/per_cpu/cpu0/trace ${DIR}/per_cpu/cpu1/trace`)).split("\n");
      const isRecord = (line: string): boolean => line !== "" && !line.startsWith("#");
      expect(each.filter(isRecord).toSorted()).toEqual(trace.split("\n").filter(isRecord).toSorted());
      expect(await sh(machine, `cat ${DIR}/per_cpu/cpu0/stats`)).toMatch(/^entries: \d+\noverrun: \d+\n/);

      // Tracing is off: trace_pipe gives what there is, and ends.
      const piped = await sh(machine, `cat ${DIR}/trace_pipe`);
      expect(piped.split("\n").filter(isRecord)).toEqual(trace.split("\n").filter(isRecord));
      await sh(machine, `echo > ${DIR}/trace; echo nop > ${DIR}/current_tracer; echo 1 > ${DIR}/tracing_on`);
      expect((await sh(machine, `cat ${DIR}/trace`)).split("\n").filter(isRecord)).toEqual([]);

      // A graph begins with the functions that were asked for, and shows what they call.
      await sh(machine, `echo > ${DIR}/set_ftrace_filter; echo sys_read > ${DIR}/set_graph_function`);
      await sh(machine, `echo function_graph > ${DIR}/current_tracer`);
      await machine.run(0.005);
      const graph = graphLines(await sh(machine, `echo 0 > ${DIR}/tracing_on; cat ${DIR}/trace`));
      expect(graph.length).toBeGreaterThan(10);
      expect(
        new Set(graph.filter(({ depth, kind }) => depth === 0 && kind !== "return").map(({ name }) => name)),
      ).toEqual(new Set(["sys_read"]));
      await sh(
        machine,
        `echo nop > ${DIR}/current_tracer; echo > ${DIR}/set_graph_function; echo 1 > ${DIR}/tracing_on`,
      );

      for (const [text, file] of [
        ["wakeup", "current_tracer"],
        ["no_such_function", "set_ftrace_filter"],
        ["maybe", "tracing_on"],
      ]) {
        const refused = await machine.exec(`echo ${text} > ${DIR}/${file}`);
        expect(refused.stdout).toMatch(/[Ii]nvalid argument/);
      }
    });
  });

  it("lets a reader of trace_pipe wait for what comes", async () => {
    await underLoad({ memoryMiB: 32, ...options }, [], async (machine) => {
      const waiting = machine.exec(
        `cat ${DIR}/trace_pipe > /tmp/piped & sleep 0.05; echo one > ${DIR}/trace_marker; sleep 0.1; echo 0 > ${DIR}/tracing_on; wait; cat /tmp/piped; rm /tmp/piped; echo 1 > ${DIR}/tracing_on; echo > ${DIR}/trace`,
      );
      expect((await waiting).stdout).toContain("tracing_mark_write: one\n");
      await machine.tracing().write("current_tracer", "function");
      await machine.tracing().write("current_tracer", "nop");
    });
  });
});
