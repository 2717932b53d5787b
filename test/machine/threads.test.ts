import { Worker } from "node:worker_threads";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { Machine } from "../../host/index.ts";
import type { MachineEvent, MachineOptions } from "../../host/index.ts";
import { FAILURE, failingImage } from "../failing-image.ts";
import { FOREIGN } from "../user-module.ts";

const SIGKILL = 9;
const SIGSEGV = 11;
const SIGTERM = 15;

let machine: Machine | undefined;
afterEach(async () => {
  await machine?.shutdown();
  machine = undefined;
});

async function boot(options: MachineOptions = {}): Promise<Machine> {
  return (machine = await Machine.boot({ cpus: 2, ...options }));
}

/** Threads that a machine starts while `work` runs: they are found by what is posted to them. */
async function threadsOf(work: () => Promise<unknown>): Promise<Worker[]> {
  const posts = vi.spyOn(Worker.prototype, "postMessage");
  try {
    await work();
    return [...new Set(posts.mock.contexts as Worker[])];
  } finally {
    posts.mockRestore();
  }
}

describe("a machine on threads", () => {
  it("boots, runs programs to their end, and is clean afterwards", async () => {
    const running = await boot();
    expect(running.log()[0]).toMatch(/^\[ +\d+\.\d{6}\] machine is up$/);
    const pid = await running.spawn("leaf", 42);
    expect(await running.wait(pid)).toBe(42 << 8);
    expect(await running.audit()).toEqual([]);
  });

  it("gives files from inside", async () => {
    const running = await boot();
    expect(await running.read("/proc/uptime")).toMatch(/^\d+\.\d\d \d+\.\d\d\n$/);
    expect(await running.read("/proc/1/status")).toContain("Name:\tinit");
  });

  it("refuses what is not there, with the kernel's error number", async () => {
    const running = await boot();
    await expect(running.read("/proc/nothing")).rejects.toMatchObject({
      code: "REQUEST_FAILED",
      what: "read /proc/nothing: ENOENT",
    });
    await expect(running.spawn("nothing")).rejects.toMatchObject({ what: "spawn nothing: ENOENT" });
    await expect(running.kill(12345)).rejects.toMatchObject({ what: "kill 12345: ESRCH" });
    await expect(running.wait(12345)).rejects.toMatchObject({ what: "wait for 12345: ECHILD" });
    await expect(running.kill(1)).rejects.toMatchObject({ what: "kill 1: EPERM" });
    await expect(running.read(`/${"x".repeat(9000)}`)).rejects.toMatchObject({ code: "REQUEST_TOO_LONG" });
    expect(() => running.setDeviceHz(-1)).toThrow(expect.objectContaining({ code: "BAD_OPTION" }));
    expect(await running.audit()).toEqual([]);
  });

  it("stops a program at a signal, even one that makes no system call", async () => {
    const running = await boot();
    const pids = [await running.spawn("spinner"), await running.spawn("sleeper", 1_000_000)];
    await running.kill(pids[0] ?? 0);
    await running.kill(pids[1] ?? 0, SIGKILL);
    expect(await Promise.all(pids.map((pid) => running.wait(pid)))).toEqual([SIGTERM, SIGKILL]);
  });

  it("answers many callers at once, each with its own answer", async () => {
    const running = await boot();
    const codes = Array.from({ length: 20 }, (_, index) => index);
    const pids = await Promise.all(codes.map((code) => running.spawn("leaf", code)));
    expect(new Set(pids).size).toBe(20);
    expect(await Promise.all(pids.map((pid) => running.wait(pid)))).toEqual(codes.map((code) => code << 8));
  });

  it("counts what its CPUs do, and knows their engines", async () => {
    const running = await boot();
    await running.wait(await running.spawn("spinner", 3_000_000));
    const stats = await running.stats();
    expect(stats.cpus.map(({ cpu }) => cpu)).toEqual([0, 1]);
    expect(stats.total).toMatchObject({ exits: 1, faults: 0 });
    expect(stats.total.switches).toBeGreaterThan(0);
    expect(stats.engines).toHaveLength(2);
    for (const { heapBytes } of stats.engines) expect(heapBytes).toBeGreaterThan(100_000);
    expect(stats.memory.freeBytes).toBeLessThan(stats.memory.totalBytes);
  });

  it("asks CPUs that are busy, and they go on", async () => {
    const running = await boot();
    const pids = await Promise.all([running.spawn("spinner"), running.spawn("spinner"), running.spawn("spinner")]);
    for (let i = 0; i < 5; i++) expect((await running.stats()).engines).toHaveLength(2);
    for (const pid of pids) await running.kill(pid);
    for (const pid of pids) expect(await running.wait(pid)).toBe(SIGTERM);
  });

  it("raises device interrupts on all CPUs", async () => {
    const running = await boot();
    running.setDeviceHz(2000);
    while (running.counters().cpus.some(({ counters }) => counters.deviceInterrupts < 10)) await running.run(0.01);
    running.setDeviceHz(0);
    expect((await running.stats()).total.works).toBeGreaterThan(0);
    expect(await running.audit()).toEqual([]);
  });

  it("says what each CPU is doing", async () => {
    const running = await boot();
    const pid = await running.spawn("spinner");
    while (!running.cpuState().some(({ task }) => task.name === "spinner")) await running.run(0.001);
    await running.kill(pid);
  });
});

describe("a fault in a user program", () => {
  it("costs that task alone, and the log shows where in the source", async () => {
    const running = await boot();
    const bystander = await running.spawn("sleeper", 100);
    const pid = await running.spawn("crash");
    expect(await running.wait(pid)).toBe(SIGSEGV);
    const lines = running.log().map((line) => line.replace(/^\[.*?\] /, ""));
    const fault = lines.indexOf(`crash[${pid}] fault: divide by zero`);
    expect(fault).toBeGreaterThan(0);
    expect(lines[fault + 1]).toBe("  crash (kernel/user/faults.ts:15:10)");
    expect(lines[fault + 2]).toMatch(/^ {2}user_main \(kernel\/process\/user\.ts:\d+:\d+\)$/);
    await running.kill(bystander);
    expect(await running.wait(bystander)).toBe(SIGTERM);
    expect((await running.stats()).total.faults).toBe(1);
    expect(await running.audit()).toEqual([]);
  });

  it("may be a recursion that the engine itself ends", async () => {
    const running = await boot();
    expect(await running.wait(await running.spawn("deep", 1_000_000))).toBe(SIGSEGV);
    expect(await running.audit()).toEqual([]);
  });
});

describe("events", () => {
  it("tell log lines and faults as they come, and end with the machine", async () => {
    const running = await boot();
    const events: MachineEvent[] = [];
    const reading = (async () => {
      for await (const event of running.events()) events.push(event);
    })();
    const pid = await running.spawn("crash");
    await running.wait(pid);
    await running.shutdown();
    await reading;
    expect(events).toContainEqual({ kind: "fault", task: "crash", pid, message: "divide by zero" });
    expect(events.filter(({ kind }) => kind === "log").length).toBeGreaterThan(1);
  });
});

describe("a wait", () => {
  it("ends when the caller's signal says so, and the machine stays usable", async () => {
    const running = await boot();
    const pid = await running.spawn("spinner");
    const controller = new AbortController();
    const waiting = running.wait(pid, { signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: "ABORTED" });
    await expect(running.read("/proc/uptime", { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "ABORTED",
    });
    await expect(running.run(1000, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "ABORTED" });
    await running.kill(pid);
    expect(await running.wait(pid)).toBe(SIGTERM);
  });

  it("for a boot ends too, and leaves no thread", async () => {
    const threads = await threadsOf(() =>
      expect(Machine.boot({ cpus: 2 }, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "ABORTED" }),
    );
    expect(threads).toEqual([]);
  });
});

describe("a dead CPU", () => {
  it("is named by whoever waits for the machine, instead of keeping them waiting", async () => {
    const threads = await threadsOf(() => boot({ cpus: 3, userImage: FOREIGN }));
    expect(threads).toHaveLength(3);
    const running = machine as Machine;
    const waiting = running.wait(await running.spawn("forever"));
    const passing = running.run(1000);
    void threads[1]?.terminate();
    await expect(waiting).rejects.toMatchObject({ code: "CPU_DIED", what: expect.stringMatching(/^CPU 1 is dead/) });
    await expect(passing).rejects.toMatchObject({ code: "CPU_DIED" });
    await expect(running.read("/proc/uptime")).rejects.toMatchObject({ code: "CPU_DIED" });
    expect(running.cpuState()).toHaveLength(3);
  });

  it("that was just being asked is named with the call", async () => {
    const threads = await threadsOf(() => boot());
    const asking = machine?.stats();
    void Promise.all(threads.map((thread) => thread.terminate()));
    await expect(asking).rejects.toMatchObject({ code: "CPU_DIED" });
  });
});

describe("shutting down", () => {
  it("leaves no thread, whatever the CPUs are at", async () => {
    const threads = await threadsOf(() => boot({ cpus: 4 }));
    for (let i = 0; i < 6; i++) await machine?.spawn("spinner");
    await machine?.shutdown();
    expect(threads).toHaveLength(4);
    expect(threads.every((thread) => thread.threadId === -1)).toBe(true);
  });

  it("may be asked twice, and ends every other wait", async () => {
    const running = await boot();
    const pid = await running.spawn("spinner");
    const waiting = expect(running.wait(pid)).rejects.toMatchObject({ code: "SHUT_DOWN" });
    await Promise.all([running.shutdown(), running.shutdown()]);
    await waiting;
    await expect(running.read("/proc/uptime")).rejects.toMatchObject({ code: "SHUT_DOWN" });
  });
});

describe("a kernel that fails", () => {
  let image: { kernel: Uint8Array };
  beforeAll(async () => {
    image = await failingImage(false);
  });
  const failing = (): Promise<Machine> => boot({ image, selftests: true });

  it("by a panic is reported with its last words, to waiters and as an event", async () => {
    const running = await failing();
    const panics: MachineEvent[] = [];
    const reading = (async () => {
      for await (const event of running.events()) if (event.kind === "panic") panics.push(event);
    })();
    await expect(running.selftest(FAILURE.panic)).rejects.toMatchObject({
      code: "KERNEL_PANIC",
      what: expect.stringMatching(
        /Kernel panic - not syncing: as the test asked[\s\S]*was running hostd\[\d+\][\s\S]* fail_panic/,
      ),
    });
    await running.shutdown();
    await reading;
    expect(panics).toHaveLength(1);
  });

  it("by a trap with a lock held panics, because what the lock guards is half changed", async () => {
    const running = await failing();
    await expect(running.selftest(FAILURE.trapWithLock)).rejects.toMatchObject({
      code: "KERNEL_PANIC",
      what: expect.stringMatching(
        /Oops: unreachable [\s\S]* fail_trap_with_lock\n[\s\S]*spin lock held: fragile\n[\s\S]*panic - not syncing: Fatal exception with a lock held/,
      ),
    });
  });

  it("by never reaching a safepoint is a CPU that does not answer, named within the limit, and can still be shut down", async () => {
    const threads = await threadsOf(() => boot({ image, selftests: true, callTimeoutMs: 100 }));
    const running = machine as Machine;
    const testing = expect(running.selftest(FAILURE.busyWait)).rejects.toMatchObject({ code: "SHUT_DOWN" });
    while (!running.cpuState().some(({ relaxed }) => relaxed > 1000)) await running.run(0.001);
    await expect(running.stats()).rejects.toMatchObject({
      code: "CPU_TIMEOUT",
      what: expect.stringMatching(/^CPU \d has not answered stats within 100 ms$/),
    });
    await running.shutdown();
    await testing;
    expect(threads.every((thread) => thread.threadId === -1)).toBe(true);
  });

  it("by never coming back to hostd leaves requests unanswered no longer than the limit, the next ones included", async () => {
    const running = await boot({ image, selftests: true, requestTimeoutMs: 200 });
    const refused = { code: "REQUEST_TIMEOUT", what: "the kernel has not answered MAIL_OP_SELFTEST within 200 ms" };
    const testing = expect(running.selftest(FAILURE.busyWait)).rejects.toMatchObject(refused);
    const reading = expect(running.read("/proc/uptime")).rejects.toMatchObject(refused);
    await Promise.all([testing, reading]);
    await expect(running.audit()).rejects.toMatchObject(refused);
    expect(running.cpuState().some(({ relaxed }) => relaxed > 0)).toBe(true);
  });

  it("by leaving for a reason that the host does not know is a dead CPU that says so", async () => {
    const running = await failing();
    await expect(running.selftest(FAILURE.unknownExit)).rejects.toMatchObject({
      code: "CPU_DIED",
      what: expect.stringMatching(/UNKNOWN_EXIT: CPU \d left for reason 99/),
    });
  });
});
