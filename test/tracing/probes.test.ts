/** Entry probes as a user of the shell makes them: kprobe_events, and what their hits look like. */
import { describe, expect, it } from "vitest";
import type { Machine, MachineOptions } from "../../host/index.ts";
import { underLoad } from "../livepatch/rig.ts";

const DIR = "/sys/kernel/tracing";
const PLATFORMS: readonly MachineOptions[] = [
  { platform: "stepped", cpus: 2, seed: 3 },
  { platform: "threads", debug: true, cpus: 2 },
];
/** A hit as ftrace prints it: who, where, in which context, when; the event, and at which function. */
const HIT = /^ *(\S+)-(\d+) +\[(\d{3})\] [d.][N.][Hhs.][\da-f.]\. +\d+\.\d{6}: (\w+): \((\w+)\+0x0\)$/;

/** What the line prints; throws unless it succeeds. */
async function sh(machine: Machine, line: string): Promise<string> {
  const { status, stdout } = await machine.exec(line);
  if (status !== 0) throw new Error(`${line}: ${status}: ${stdout}`);
  return stdout;
}

const records = (trace: string): string[] => trace.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

async function run(options: MachineOptions, work: (machine: Machine) => Promise<void>): Promise<void> {
  await underLoad({ memoryMiB: 32, ...options }, [["pipes", 1]], async (machine) => {
    await work(machine);
    // Their rings go with the next tracer.
    await sh(machine, `echo function > ${DIR}/current_tracer; echo nop > ${DIR}/current_tracer`);
  });
}

describe.each(PLATFORMS)("on $platform, an entry probe", (options) => {
  it("is made, turned on, seen, turned off and taken away with echo and cat", () =>
    run(options, async (machine) => {
      await sh(
        machine,
        `echo 'p:reads pipe_read' > ${DIR}/kprobe_events; echo p:mine/w pipe_write+0 >> ${DIR}/kprobe_events`,
      );
      await sh(machine, `echo p vfs_read >> ${DIR}/kprobe_events; echo >> ${DIR}/kprobe_events`);
      const made = "p:kprobes/reads pipe_read\np:mine/w pipe_write\np:kprobes/p_vfs_read_0 vfs_read\n";
      expect(await sh(machine, `cat ${DIR}/kprobe_events`)).toBe(made);
      expect(await sh(machine, `ls ${DIR}/events/kprobes ${DIR}/events/mine`)).toMatch(/reads[^]*w/);
      expect(await sh(machine, `cat ${DIR}/events/mine/w/enable ${DIR}/events/mine/w/id`)).toBe("0\n2\n");
      expect(records(await sh(machine, `cat ${DIR}/trace`))).toEqual([]); // it is off

      await sh(machine, `echo 1 > ${DIR}/events/kprobes/reads/enable; echo 1 > ${DIR}/events/mine/w/enable`);
      await machine.run(0.005);
      await sh(machine, `echo 0 > ${DIR}/tracing_on`);
      const trace = await sh(machine, `cat ${DIR}/trace`);
      expect(trace).toMatch(/^# tracer: nop\n/);
      const hits = records(trace).map((line) => HIT.exec(line)?.slice(4).join(" ") ?? line);
      expect(new Set(hits)).toEqual(new Set(["reads pipe_read", "w pipe_write"]));
      expect(await sh(machine, `cat ${DIR}/kprobe_profile`)).toMatch(
        /^ {2}reads {40} +[1-9]\d* +0\n {2}w .* +[1-9]\d* +0\n/,
      );
      expect(await machine.read(`${DIR}/trace`)).toBe(trace);

      // What is on stays: nothing may be taken away or made anew.
      for (const line of [`echo -:reads >> ${DIR}/kprobe_events`, `echo > ${DIR}/kprobe_events`]) {
        expect((await machine.exec(line)).stdout).toMatch(/[Bb]usy/);
      }
      expect(await sh(machine, `cat ${DIR}/kprobe_events`)).toBe(made);
      await sh(machine, `echo 0 > ${DIR}/events/kprobes/reads/enable; echo 0 > ${DIR}/events/mine/w/enable`);
      await sh(machine, `echo 1 > ${DIR}/tracing_on; echo > ${DIR}/trace; echo -:mine/w >> ${DIR}/kprobe_events`);
      expect(await sh(machine, `ls ${DIR}/events`)).toBe("kprobes\n");
      await sh(machine, `echo > ${DIR}/kprobe_events`);
      expect(await sh(machine, `cat ${DIR}/kprobe_events ${DIR}/trace; ls ${DIR}/events`)).toMatch(
        /^# tracer: nop\n[^p]*/,
      );
      expect(records(await sh(machine, `cat ${DIR}/trace`))).toEqual([]);
    }));

  it("shares its function with tracers, which come, go and change their buffers meanwhile", () =>
    run(options, async (machine) => {
      await sh(machine, `echo 'p:reads pipe_read' > ${DIR}/kprobe_events; echo 1 > ${DIR}/events/kprobes/reads/enable`);
      await sh(machine, `echo pipe_write pipe_read > ${DIR}/set_ftrace_filter`);
      for (const tracer of ["function", "function_graph", "nop", "function"]) {
        await sh(machine, `echo ${tracer} > ${DIR}/current_tracer`);
        await machine.run(0.005);
        const trace = await machine.read(`${DIR}/trace`);
        expect(trace).toContain(": reads: (pipe_read+0x0)\n");
        expect(trace.includes("pipe_write <-vfs_write")).toBe(tracer === "function");
        await sh(machine, `echo ${tracer === "nop" ? 64 : 128} > ${DIR}/buffer_size_kb`);
      }
      // Without tracing a plain probe is told nothing; it is back with it.
      await sh(
        machine,
        `echo nop > ${DIR}/current_tracer; echo 0 > /proc/sys/kernel/ftrace_enabled; echo > ${DIR}/trace`,
      );
      await machine.run(0.002);
      expect(await machine.read(`${DIR}/trace`)).not.toContain("reads:");
      await sh(machine, `echo 1 > /proc/sys/kernel/ftrace_enabled`);
      await machine.run(0.005);
      expect(await machine.read(`${DIR}/trace`)).toContain("reads:");
      // An event that has gone leaves records that nobody can name any more.
      await sh(machine, `echo 0 > ${DIR}/events/kprobes/reads/enable; echo > ${DIR}/kprobe_events`);
      expect(await machine.read(`${DIR}/trace`)).toMatch(/# Unknown event \d+\n/);
      await sh(machine, `echo > ${DIR}/set_ftrace_filter; echo 64 > ${DIR}/buffer_size_kb`);
    }));
});

it("kprobe_events refuses what Linux refuses, and the log says why", () =>
  run({ platform: "stepped", cpus: 1, seed: 5 }, async (machine) => {
    const write = (text: string): Promise<void> => machine.tracing().append("kprobe_events", text);
    await write("# a comment\n\n  p:twice vfs_read  \n");
    for (const [text, error, why] of [
      ["r:back vfs_read", /EOPNOTSUPP|-95/, "Return probes are not supported"],
      ["x:what vfs_read", /EINVAL/, "A line begins with p or -"],
      ["p:9lives vfs_read", /EINVAL/, "Event name must follow the rules for C identifiers"],
      ["p:a/b/c vfs_read", /EINVAL/, "Event name must follow the rules for C identifiers"],
      ["pvfs_read", /EINVAL/, "Event name must follow the rules for C identifiers"],
      ["p:args vfs_read $arg1", /EINVAL/, "Arguments cannot be fetched"],
      ["p:inside vfs_read+4", /EINVAL/, "Invalid probed address or symbol"],
      ["p:nowhere", /EINVAL/, "Invalid probed address or symbol"],
      ["p:absent no_such_function", /ENOENT/, "There is no such function"],
      ["p:twice vfs_write", /EEXIST/, ""],
      ["p:log log_end", /EINVAL/, ""], // it owns no slot
      ["-:absent", /ENOENT/, ""],
      ["-", /EINVAL/, "Which event is to go?"],
      [`p:${"n".repeat(200)} vfs_read`, /EINVAL/, ""],
    ] as const) {
      await expect(write(text), text).rejects.toMatchObject({ message: expect.stringMatching(error) });
      if (why) expect(machine.log().at(-1)).toContain(`trace_kprobe: error: ${why}`);
    }
    expect(await machine.tracing().read("kprobe_events")).toBe("p:kprobes/twice vfs_read\n");
    // One of a module that is not loaded waits for it; there is room for so many, and the next is refused.
    await write("p:later absent_module:anything\n-:later");
    await expect(write(Array.from({ length: 40 }, (_, n) => `p:e${n} vfs_read`).join("\n"))).rejects.toMatchObject({
      message: expect.stringMatching(/ENOSPC/),
    });
    await expect(machine.exec(`echo maybe > ${DIR}/events/kprobes/twice/enable`)).resolves.toMatchObject({
      stdout: expect.stringMatching(/nvalid argument/),
    });
    await machine.tracing().write("kprobe_events", "");
    expect(await machine.tracing().read("kprobe_events")).toBe("");
  }));
