import { beforeAll, describe, expect, it } from "vitest";
import { Machine } from "../../host/index.ts";
import type { MachineOptions } from "../../host/index.ts";
import { duringChurn } from "../hotplug/churn.ts";
import { trial } from "./rig.ts";
import { moduleImage } from "../module-image.ts";

const CYCLES = process.env["WLP_FULL"] ? 200 : 10;

interface Rig {
  readonly what: string;
  readonly options: MachineOptions;
  readonly image: "kernel-stepped" | "kernel-debug";
}

const on = (cpus: number, platform: "threads" | "stepped"): Rig => ({
  what: `${cpus} CPUs, ${platform}`,
  options: platform === "stepped" ? { cpus, platform, seed: cpus } : { cpus, platform, debug: true },
  image: platform === "stepped" ? "kernel-stepped" : "kernel-debug",
});
const RIGS = [on(2, "stepped"), on(4, "threads")];
if (process.env["WLP_FULL"]) RIGS.push(on(1, "stepped"), on(4, "stepped"), on(1, "threads"), on(2, "threads"));

const built = new Map<string, { hello: Uint8Array; probe: Uint8Array }>();

beforeAll(async () => {
  for (const image of ["kernel-stepped", "kernel-debug"] as const) {
    const hello = await moduleImage("modules/hello/hello.ts", image);
    built.set(image, { hello, probe: await moduleImage("test/modules/sources/probe.ts", image) });
  }
}, 300_000);

describe("kernel.modules_disabled", () => {
  it("forbids loading and unloading, for good", async () => {
    const machine = await Machine.boot({ cpus: 2, platform: "stepped", seed: 3 });
    const hello = built.get("kernel-stepped")?.hello ?? new Uint8Array();
    try {
      await machine.insmod(hello);
      await machine.exec("echo 1 > /proc/sys/kernel/modules_disabled; echo 0 > /proc/sys/kernel/modules_disabled");
      expect(await machine.read("/proc/sys/kernel/modules_disabled")).toBe("1\n");
      await expect(machine.rmmod("hello")).rejects.toMatchObject({
        code: "MODULE_REFUSED",
        what: expect.stringMatching(/EPERM/),
      });
      await expect(machine.insmod(hello)).rejects.toMatchObject({
        code: "MODULE_REFUSED",
        what: expect.stringMatching(/EPERM/),
      });
      expect(await machine.read("/proc/modules")).toMatch(/^hello /);
    } finally {
      await machine.shutdown();
    }
  });
});

describe.each(RIGS)("a kernel module ($what)", ({ options, image }) => {
  const modules = (): { hello: Uint8Array; probe: Uint8Array } => {
    const found = built.get(image);
    if (!found) throw new Error("not built");
    return found;
  };

  const said = (machine: Machine, by: string): string[] =>
    machine.log().flatMap((line) => (line.includes(`${by}: `) ? [line.slice(line.indexOf(`${by}: `))] : []));

  it("runs init_module() when it comes and cleanup_module() when it goes, with its parameters set", () =>
    trial(options, async (machine) => {
      await machine.insmod(modules().hello, "times=2");
      expect(await machine.read("/proc/modules")).toMatch(/^hello \d+ 0 - Live 0x[0-9a-f]{16} \(O\)\n$/);
      await machine.rmmod("hello");
      expect(said(machine, "hello")).toEqual(["hello: number 1", "hello: number 2", "hello: goodbye after 2"]);
    }));

  it("starts with fresh variables each time, shared by all CPUs", () =>
    trial(options, async (machine) => {
      await machine.insmod(modules().probe, "loud limit=9");
      await machine.rmmod("probe");
      await machine.insmod(modules().probe, "loud=1");
      await machine.rmmod("probe");
      expect(said(machine, "probe")).toEqual(["probe: 9 10000000000 50", "probe: 7 10000000000 50"]);
    }));

  it("stays while a task sleeps in one of its functions, and goes when it has left", () =>
    trial(options, async (machine) => {
      await machine.insmod(modules().probe, "mode=1");
      await machine.run(0.02);
      await expect(machine.rmmod("probe")).rejects.toMatchObject({
        code: "MODULE_REFUSED",
        what: expect.stringMatching(/EAGAIN/),
      });
      await expect.poll(() => machine.run(0.1).then(() => said(machine, "probe")), { timeout: 20_000 }).toHaveLength(1);
      expect(said(machine, "probe")).toEqual(["probe: 7 10000000001 100"]);
      await expect
        .poll(
          () =>
            machine.rmmod("probe").then(
              () => "gone",
              () => machine.run(0.01),
            ),
          { timeout: 20_000 },
        )
        .toBe("gone");
    }));

  it("leaves nothing behind when it is refused", () =>
    trial(options, async (machine) => {
      const { hello, probe } = modules();
      const other = built.get(image === "kernel-debug" ? "kernel-stepped" : "kernel-debug");
      const refused = (bytes: Uint8Array, parameters: string): Promise<unknown> =>
        machine.insmod(bytes, parameters).then(
          () => "loaded",
          (error: unknown) => error,
        );
      expect(await refused(new Uint8Array([1, 2, 3]), "")).toMatchObject({ code: "NOT_A_MODULE" });
      expect(await refused(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]), "")).toMatchObject({ code: "NOT_A_MODULE" });
      expect(await refused(other?.hello ?? hello, "")).toMatchObject({ code: "WRONG_KERNEL" });
      expect(await refused(hello, "times=many")).toMatchObject({
        code: "MODULE_REFUSED",
        what: expect.stringMatching(/EINVAL/),
      });
      expect(await refused(probe, "mode=2")).toMatchObject({
        code: "MODULE_REFUSED",
        what: expect.stringMatching(/ENODEV/),
      });
      expect(await machine.read("/proc/modules")).toBe("");
      await machine.insmod(hello);
      expect(await refused(hello, "")).toMatchObject({ code: "MODULE_REFUSED", what: expect.stringMatching(/EEXIST/) });
      await machine.rmmod("hello");
      await expect(machine.rmmod("hello")).rejects.toMatchObject({
        code: "MODULE_REFUSED",
        what: expect.stringMatching(/ENOENT/),
      });
    }));

  it("may be vetoed by another that listens, and is unloaded again", () =>
    trial(options, async (machine) => {
      const { hello, probe } = modules();
      await machine.insmod(probe, "mode=3");
      await expect(machine.insmod(hello)).rejects.toMatchObject({
        code: "MODULE_REFUSED",
        what: expect.stringMatching(/ENODEV/),
      });
      expect(await machine.read("/proc/modules")).toMatch(/^probe \d+ 0 - Live 0x[0-9a-f]{16} \(PO\)\n$/);
      expect(said(machine, "hello")).toEqual([]);
      await machine.rmmod("probe");
      await machine.insmod(hello);
      await machine.rmmod("hello");
    }));

  it("shows under /sys/module, where its parameters can be set while it runs", () =>
    trial(options, async (machine) => {
      const line = async (text: string): Promise<string> => (await machine.exec(text)).stdout;
      await machine.insmod(modules().probe, "loud");
      expect(await line("cat /sys/module/probe/initstate /sys/module/probe/refcnt")).toBe("live\n0\n");
      expect(await line("cat /sys/module/probe/taint /proc/sys/kernel/tainted")).toBe("PO\n4097\n");
      const parameters = "/sys/module/probe/parameters";
      expect(await line(`cat ${parameters}/mode ${parameters}/loud ${parameters}/limit`)).toBe("0\nY\n7\n");
      expect(await line(`echo -3 > ${parameters}/mode; cat ${parameters}/mode`)).toBe("-3\n");
      expect(await line(`echo many > ${parameters}/limit; cat ${parameters}/limit`)).toMatch(/7\n$/);
      expect(await line("grep -c probe /proc/kallsyms")).not.toBe("0\n");
      await machine.rmmod("probe");
      expect(await line("cat /sys/module/probe/refcnt")).toMatch(/No such file or directory/);
    }));

  it("is listed and unloaded by the tools, which say what kmod says", () =>
    trial(options, async (machine) => {
      await machine.insmod(modules().hello);
      const { stdout } = await machine.exec("lsmod");
      expect(stdout).toMatch(/^Module                  Size  Used by\nhello {15,}\d+  0\n$/);
      expect(await machine.exec("rmmod hello")).toEqual({ status: 0, stdout: "" });
      expect(await machine.exec("rmmod hello")).toEqual({
        status: 1,
        stdout: "rmmod: ERROR: Module hello is not currently loaded\n",
      });
      expect(await machine.exec("insmod /none.wasm")).toEqual({
        status: 1,
        stdout: "insmod: ERROR: could not load module /none.wasm: No such file or directory\n",
      });
      expect(await machine.exec("insmod /etc/passwd")).toEqual({
        status: 1,
        stdout: "insmod: ERROR: could not insert module /etc/passwd: Invalid module format\n",
      });
      await machine.exec("mkdir /lib; mkdir /lib/modules");
      await machine.write("/lib/modules/hello.wasm", modules().hello);
      const line = async (text: string): Promise<string> => (await machine.exec(text)).stdout;
      const insmod = (why: string): string =>
        `insmod: ERROR: could not insert module /lib/modules/hello.wasm: ${why}\n`;
      expect(await machine.exec("modprobe hello times=3")).toEqual({ status: 0, stdout: "" });
      expect(said(machine, "hello")).toContain("hello: number 3");
      expect(await machine.exec("modprobe hello")).toEqual({ status: 0, stdout: "" }); // it is there: no fault
      expect(await line("insmod /lib/modules/hello.wasm")).toBe(insmod("File exists"));
      expect(await machine.exec("modprobe -r hello")).toEqual({ status: 0, stdout: "" });
      expect(await line("insmod /lib/modules/hello.wasm times=x")).toBe(insmod("Invalid parameters"));
      expect(await line("insmod /lib/modules/hello.wasm times=1; rmmod hello; rm -r /lib")).toBe("");
      expect(await machine.exec("modprobe none")).toEqual({
        status: 1,
        stdout: "modprobe: FATAL: Module none not found in directory /lib/modules\n",
      });
    }));

  it.skipIf(options.cpus === 1)("comes and goes while CPUs do", { timeout: 120_000 }, () =>
    trial(options, async (machine) => {
      const cycles = async (): Promise<void> => {
        for (let i = 0; i < CYCLES; i++) {
          await machine.insmod(modules().hello, "times=1");
          await machine.run(0.001);
          await machine.rmmod("hello");
        }
      };
      const { changes } = await duringChurn(machine, 7, cycles);
      expect(changes).toBeGreaterThan(0);
      expect(said(machine, "hello").filter((line) => line === "hello: goodbye after 1").length).toBeGreaterThan(0);
    }),
  );

  it(`comes and goes ${CYCLES} times without a trace`, { timeout: 120_000 }, () =>
    trial(options, async (machine) => {
      const pages = async (): Promise<string> => machine.read("/proc/meminfo");
      await machine.insmod(modules().hello);
      await machine.rmmod("hello");
      const before = await pages();
      for (let i = 0; i < CYCLES; i++) {
        await machine.insmod(modules().hello, "times=0");
        await machine.rmmod("hello");
      }
      expect(await pages()).toBe(before);
    }),
  );
});
