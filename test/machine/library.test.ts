/** The library's door: what interfaces promise of it, line by line; and every method with a signal, and without a machine. */
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Machine, MachineError } from "../../host/index.ts";
import type { CallOptions, LoadedPatch, MachineEvent, MachineOptions } from "../../host/index.ts";
import { FAULTY, PAIR } from "../livepatch/patches.ts";
import { patchImage } from "../patch-image.ts";

/** The stepped one is slow: it gets less to do. */
const PLATFORMS: readonly { options: MachineOptions; image: "kernel" | "kernel-stepped"; pipes: number }[] = [
  { options: { platform: "threads", cpus: 4 }, image: "kernel", pipes: 8 },
  { options: { platform: "stepped", cpus: 2 }, image: "kernel-stepped", pipes: 1 },
];

interface Stage {
  readonly machine: Machine;
  readonly patch: LoadedPatch;
  readonly bytes: Uint8Array;
}
type Act = (stage: Stage, options: CallOptions) => Promise<unknown>;

/** Every method that may have to wait. */
const METHODS: Readonly<Record<string, Act>> = {
  read: ({ machine }, options) => machine.read("/proc/uptime", options),
  write: ({ machine }, options) => machine.write("/tmp/file", "text", options),
  spawn: ({ machine }, options) => machine.spawn("leaf", 0, options),
  wait: ({ machine }, options) => machine.wait(1, options),
  kill: ({ machine }, options) => machine.kill(12345, 15, options),
  exec: ({ machine }, options) => machine.exec("true", options),
  console: ({ machine }, options) => machine.console(false, options),
  audit: ({ machine }, options) => machine.audit(options),
  selftest: ({ machine }, options) => machine.selftest(0, options),
  load: ({ machine, bytes }, options) => machine.load(bytes, { model: "kpatch", ...options }),
  disable: ({ machine, patch }, options) => machine.disable(patch, options),
  enable: ({ machine, patch }, options) => machine.enable(patch, options),
  unload: ({ machine, patch }, options) => machine.unload(patch, options),
  patchStatus: ({ machine, patch }, options) => machine.patchStatus(patch, options),
  patchSettled: ({ machine, patch }, options) => machine.patchSettled(patch, options),
  insmod: ({ machine, bytes }, options) => machine.insmod(bytes, "", options),
  rmmod: ({ machine }, options) => machine.rmmod("none", options),
  meter: ({ machine }, options) => machine.meter(options),
  watch: ({ machine }, options) => machine.watch([1], options),
  unwatch: ({ machine }, options) => machine.unwatch(options),
  slotEntries: ({ machine }, options) => machine.slotEntries([1], options),
  blockers: ({ machine }, options) => machine.blockers(options),
  signalBlockers: ({ machine }, options) => machine.signalBlockers(options),
  run: ({ machine }, options) => machine.run(1000, options),
  stats: ({ machine }, options) => machine.stats(options),
  setOnline: ({ machine }, options) => machine.setOnline(1, false, options),
};

/** Whose effect is meant to stay when the caller goes. */
const KEPT: ReadonlySet<string> = new Set(["write", "spawn", "console", "meter", "setOnline", "unload"]);

/** What only looks at memory or remembers: works on a machine that is lost, too. */
const LOOKS: Readonly<Record<string, (machine: Machine) => unknown>> = {
  patches: (machine) => machine.patches(),
  stopTimes: (machine) => machine.stopTimes(),
  transitionTimes: (machine) => machine.transitionTimes(),
  timeNs: (machine) => machine.timeNs(),
  trace: (machine) => machine.trace(),
  counters: (machine) => machine.counters(),
  cpuState: (machine) => machine.cpuState(),
  log: (machine) => machine.log(),
};

/** The others, which a test below has. */
const OTHERS = ["constructor", "setDeviceHz", "interrupt", "tracing", "events", "shutdown"];

let machine: Machine | undefined;
afterEach(async () => {
  await machine?.shutdown();
  machine = undefined;
});

/** How a call ended: `done`, a code, or what it should not have thrown. */
async function outcome(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "done";
  } catch (error) {
    return error instanceof MachineError ? error.code : `no MachineError: ${String(error)}`;
  }
}

async function outcomes(stage: Stage, options: CallOptions): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, act] of Object.entries(METHODS)) found[name] = await outcome(() => act(stage, options));
  return found;
}

/** Takes the stage's patch away; nothing else is left then. */
async function endPatch({ machine: running, patch }: Stage): Promise<void> {
  await running.patchSettled(patch); // what somebody began who did not wait
  if ((await running.patchStatus(patch)).state === "enabled") await running.disable(patch);
  await running.unload(patch);
  expect(await running.audit()).toEqual([]);
}

const all = (code: string): Record<string, string> =>
  Object.fromEntries(Object.keys(METHODS).map((name) => [name, code]));

it("the tables have every method of a machine", () => {
  const rows = [...Object.keys(METHODS), ...Object.keys(LOOKS), ...OTHERS];
  expect(rows.toSorted()).toEqual(Object.getOwnPropertyNames(Machine.prototype).toSorted());
});

describe.each(PLATFORMS)("the library ($options.platform)", ({ options, image, pipes }) => {
  let bytes: Uint8Array;
  let faulty: Uint8Array;
  beforeAll(async () => {
    [bytes, faulty] = await Promise.all([patchImage("pair", PAIR, image), patchImage("faulty", FAULTY, image)]);
  });
  async function stage(): Promise<Stage> {
    machine = await Machine.boot({ ...options, cpus: 2, memoryMiB: 32 });
    return { machine, bytes, patch: await machine.load(faulty, { model: "kgraft" }) };
  }
  /** The machine panics over an oops in the patch. */
  const panic = (lost: Machine): Promise<string> =>
    outcome(() => lost.exec("sysctl kernel.panic_on_oops=1; echo x > /dev/full"));

  it("does what its block of the interfaces says", async () => {
    const running = (machine = await Machine.boot({ ...options, memoryMiB: 64, seed: 1 }));
    const events: MachineEvent[] = [];
    const reading = (async () => {
      for await (const event of running.events()) events.push(event);
    })();
    await running.write("/dev/kmsg", "a word");
    expect(await running.exec(`stress --pipes ${pipes} &`)).toEqual({ status: 0, stdout: "" });
    const patch = await running.load(bytes, { model: "kgraft" });
    expect(await running.read(patch.path("enabled"))).toBe("1\n");
    expect(await running.read("/proc/uptime")).toMatch(/^\d+\.\d\d \d+\.\d\d\n$/);
    await running.write(patch.path("enabled"), "0");
    await running.signalBlockers(); // stress itself sleeps
    expect(await running.patchSettled(patch)).toBe(0);
    const stats = await running.stats();
    expect(stats.total.syscalls).toBeGreaterThan(0);
    await running.shutdown();
    await reading;
    const states = events.flatMap((event) => (event.kind === "transition" ? [`${event.patch} ${event.state}`] : []));
    expect(states).toEqual(["pair enabling", "pair enabled", "pair disabling", "pair disabled"]);
    expect(events.some((event) => event.kind === "log" && event.line.endsWith("a word"))).toBe(true);
  });

  it("does nothing for who has given up already, whatever is asked", async () => {
    const scene = await stage();
    const signal = AbortSignal.abort();
    expect(await outcomes(scene, { signal })).toEqual(all("ABORTED"));
    expect(await outcome(() => Machine.boot(options, { signal }))).toBe("ABORTED");
    expect(await outcome(() => Machine.checkPatch(bytes, options, { signal }))).toBe("ABORTED");
    const tracing = scene.machine.tracing();
    expect(await outcome(() => tracing.read("trace", { signal }))).toBe("ABORTED");
    expect(await outcome(() => tracing.write("tracing_on", "0", { signal }))).toBe("ABORTED");
    expect(await outcome(() => tracing.append("tracing_on", "0", { signal }))).toBe("ABORTED");
    for await (const event of scene.machine.events({ signal })) expect(event).toBeUndefined();
    expect(scene.machine.patches().map(({ name }) => name)).toEqual(["faulty"]);
    expect((await scene.machine.exec("ls /tmp; wc -l < /proc/modules")).stdout).toBe("1\n");
    await endPatch(scene);
    expect(await outcome(() => scene.machine.shutdown({ signal }))).toBe("ABORTED");
    expect(await outcome(() => scene.machine.shutdown())).toBe("done");
  });

  it("leaves nothing behind for who gives up while it is at it", async () => {
    const scene = await stage();
    const found: Record<string, string> = {};
    for (const [name, act] of Object.entries(METHODS)) {
      if (KEPT.has(name)) continue;
      const gone = new AbortController();
      const ending = outcome(() => act(scene, { signal: gone.signal }));
      await Promise.resolve();
      gone.abort();
      found[name] = await ending;
    }
    expect(Object.entries(found).filter(([, code]) => code === "ABORTED").length).toBeGreaterThan(10);
    expect(Object.values(found).filter((code) => code.startsWith("no "))).toEqual([]);
    expect(scene.machine.patches().map(({ name }) => name)).toEqual(["faulty"]);
    await endPatch(scene);
  });

  it("leaves a transition under way when its caller goes, for anybody to turn around", async () => {
    const running = (machine = await Machine.boot({ ...options, cpus: 2, memoryMiB: 32 }));
    const { stdout } = await running.exec("sh -c 'sleep 9999 & wait' & echo $!");
    while (!(await running.read(`/proc/${stdout.trim()}/stack`)).includes("sys_wait")) await running.run(0.001);
    const gone = new AbortController();
    const loading = outcome(() => running.load(bytes, { model: "kgraft", signal: gone.signal }));
    while (!/in progress/.test(running.log().at(-1) ?? "")) await running.run(0.001);
    gone.abort();
    expect(await loading).toBe("ABORTED");
    const [patch] = running.patches() as [LoadedPatch];
    expect(await running.patchStatus(patch)).toMatchObject({ state: "enabling" });
    await running.write(patch.path("enabled"), "0");
    await running.kill(Number(stdout));
    await running.patchSettled(patch);
    await running.unload(patch);
    expect(running.patches()).toEqual([]);
  });

  it("lets callers wait side by side, each as long as it likes", async () => {
    const { machine: running } = await stage();
    const pid = await running.spawn("sleeper", 1_000_000);
    const ended = running.wait(pid);
    const gone = new AbortController();
    const impatient = outcome(() => running.wait(pid, { signal: gone.signal }));
    expect(await running.read("/proc/uptime")).toMatch(/^\d/);
    gone.abort();
    expect(await impatient).toBe("ABORTED");
    await running.kill(pid);
    expect(await ended).toBe(15);
  });

  it("rejects with the panic whatever is asked of a machine that panicked, and lets one look at it", async () => {
    const scene = await stage();
    const { machine: lost, patch } = scene;
    const sleeper = await lost.spawn("sleeper", 1_000_000);
    const events = (async () => {
      for await (const event of lost.events()) if (event.kind === "panic") return event.error.code;
      return "none";
    })();
    const terminal = await lost.console(false);
    const waiting = [
      () => lost.wait(sleeper),
      () => lost.run(1000),
      () => lost.exec("sleep 1000"),
      () => terminal.change(terminal.news()),
    ].map((wait) => outcome(wait));
    expect(await panic(lost)).toBe("KERNEL_PANIC");
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => "KERNEL_PANIC"));
    expect(await outcomes(scene, {})).toEqual(all("KERNEL_PANIC"));
    expect(await events).toBe("KERNEL_PANIC");
    for (const look of Object.values(LOOKS)) look(lost);
    expect(lost.log().at(-1)).toMatch(/panic/);
    expect(lost.patches()).toMatchObject([{ name: patch.name }]);
    for (const ask of [() => lost.tracing(), () => lost.interrupt(0), () => lost.setDeviceHz(100)])
      expect(ask).toThrow(expect.objectContaining({ code: "KERNEL_PANIC" }));
    expect(await outcome(() => terminal.output())).toBe("KERNEL_PANIC");
    expect(await outcome(() => lost.shutdown())).toBe("done");
  });
});
