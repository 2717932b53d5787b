/** Faults in kernel code: what they cost, what the log says, and when the machine is lost. */
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Machine } from "../../host/index.ts";
import type { MachineEvent, MachineOptions } from "../../host/index.ts";
import { FAILURE, failingImage } from "../failing-image.ts";
import { FAULTY } from "../livepatch/patches.ts";
import { patchImage } from "../patch-image.ts";
import { CLIMBER } from "../user-module.ts";

const DIE = 128;
const LIVEPATCH = 32768;
const SIGSEGV = 11;
/** `$?` of a task that SIGSEGV ended. */
const SEGFAULT = "139\n";
const OOPS_PLEASE = "cat /proc/version > /dev/full; echo $?";
const KERNELS: readonly MachineOptions[] = [
  { platform: "threads", cpus: 2 },
  { platform: "stepped", cpus: 2, seed: 3 },
];

let machine: Machine | undefined;
afterEach(async () => {
  await machine?.shutdown();
  machine = undefined;
});

/** A machine with the patch in force. */
async function faulty(options: MachineOptions): Promise<Machine> {
  machine = await Machine.boot(options);
  const image = options.platform === "stepped" ? "kernel-stepped" : "kernel";
  await machine.load(await patchImage("faulty", FAULTY, image), { model: "kgraft" });
  return machine;
}

function logOf(running: Machine): string {
  return running
    .log()
    .map((line) => line.replace(/^\[.*?\] /, ""))
    .join("\n");
}

async function tainted(running: Machine): Promise<number> {
  return Number(await running.read("/proc/sys/kernel/tainted"));
}

describe.each(KERNELS)("a fault in kernel code that a system call runs ($platform)", (options) => {
  it("is an oops: it ends the caller, is told with taint and trace, and the machine goes on", async () => {
    const running = await faulty(options);
    const oopses: MachineEvent[] = [];
    const reading = (async () => {
      for await (const event of running.events()) if (event.kind === "oops") oopses.push(event);
    })();
    expect(await tainted(running)).toBe(LIVEPATCH);
    expect(await running.exec(OOPS_PLEASE)).toMatchObject({ status: 0, stdout: SEGFAULT });
    expect(logOf(running)).toMatch(
      new RegExp(
        [
          String.raw`^Oops: divide by zero \[#1\]`,
          String.raw`CPU: \d PID: \d+ Comm: cat Tainted: G {14}K`,
          String.raw`Call Trace:`,
          String.raw` {2}full_write`, // the patch's: a name, no place
          String.raw` {2}vfs_write \(kernel/fs/file\.ts:\d+:\d+\)`,
          String.raw` {2}sys_write \(kernel/sys/file_calls\.ts:\d+:\d+\)[\s\S]*`,
          String.raw` {2}user_main \(kernel/process/user\.ts:\d+:\d+\)`,
          String.raw`---\[ end trace \]---$`,
        ].join("\n"),
        "m",
      ),
    );
    expect(await tainted(running)).toBe(LIVEPATCH | DIE);
    expect(await running.exec(OOPS_PLEASE)).toMatchObject({ stdout: SEGFAULT });
    expect(logOf(running)).toMatch(/Oops: divide by zero \[#2\]\nCPU: .* Tainted: G {6}D {7}K\n/);
    await running.shutdown();
    await reading;
    expect(oopses).toEqual([1, 2].map((number) => ({ kind: "oops", message: "divide by zero", number })));
  });

  it("is a panic when kernel.panic_on_oops says so, and the error shows the oops", async () => {
    const running = await faulty(options);
    await running.exec("echo 1 > /proc/sys/kernel/panic_on_oops");
    await expect(running.exec(OOPS_PLEASE)).rejects.toMatchObject({
      code: "KERNEL_PANIC",
      what: expect.stringMatching(
        /^the kernel panicked on CPU \d\n[\s\S]*Oops: divide by zero \[#1\]\n[\s\S]* full_write\n[\s\S]*Kernel panic - not syncing: Fatal exception$/,
      ),
    });
  });
});

describe("a fault in kernel code", () => {
  let image: { kernel: Uint8Array };
  beforeAll(async () => {
    image = await failingImage(true);
  });
  const failing = async (): Promise<Machine> =>
    (machine = await Machine.boot({ platform: "stepped", cpus: 2, image, selftests: true }));

  it("while hostd does what the host asked for fails that request, and another hostd goes on", async () => {
    const running = await failing();
    for (let number = 1; number <= 2; number++) {
      expect(await running.selftest(FAILURE.trap)).toBe(-14);
      expect(logOf(running)).toMatch(new RegExp(`Oops: unreachable \\[#${number}\\]\\n.* Comm: hostd `));
    }
    expect(await running.audit()).toEqual([]);
  });

  it("a panic is told in one piece, however much another CPU has to say", async () => {
    const threads = { platform: "threads", cpus: 2, image: await failingImage(false), selftests: true } as const;
    const running = (machine = await Machine.boot(threads));
    await expect(running.selftest(FAILURE.panicInNoise)).rejects.toMatchObject({ code: "KERNEL_PANIC" });
    expect(logOf(running)).toMatch(
      /^Kernel panic - not syncing: over all the noise\nCPU \d was running hostd\[\d+\]\n(?: {2}.*\n)* {2}fail_panic_in_noise.*\n(?: {2}.*\n)* {2}hostd_main\b/m,
    );
  });

  it.each([
    {
      when: "with a mutex held",
      row: FAILURE.trapWithMutex,
      says: /mutex held: precious\n[\s\S]*exception with a lock/,
    },
    { when: "in a kworker", row: FAILURE.trapInWork, says: /Comm: kworker[\s\S]*the machine cannot do without$/ },
  ])("$when loses the machine, which says why", async ({ row, says }) => {
    const running = await failing();
    await expect(running.selftest(row)).rejects.toMatchObject({
      code: "KERNEL_PANIC",
      what: expect.stringMatching(says),
    });
  });
});

describe("a program that fills the engine's stack with system calls all the way", () => {
  it.each(KERNELS)("pays for it alone, whatever the kernel would have done next ($platform)", async (options) => {
    const running = (machine = await Machine.boot({ ...options, userImage: CLIMBER }));
    // Whoever is switched out up there ends by a saved stack that is too long instead: then another one climbs.
    const silent = options.platform === "stepped" ? 8_000 : 40_000;
    do expect(await running.wait(await running.spawn("climb", silent))).toBe(SIGSEGV);
    while (!/fault: Maximum/.test(logOf(running)));
    expect(logOf(running)).toMatch(/climb\[\d+\] fault: Maximum call stack size exceeded/);
    expect(logOf(running)).not.toMatch(/Oops/);
    expect(await running.audit()).toEqual([]);
  });
});
