import { readFile } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { beforeAll, describe, expect, it, vi } from "vitest";
import * as abi from "../../kernel/abi.ts";
import * as layout from "../../kernel/layout.ts";
import * as records from "../../kernel/records.ts";
import { assertSameConstants } from "../../host/boot/handshake.ts";
import { Machine } from "../../host/index.ts";
import { readImage } from "../../host/platform/node/files.ts";
import { features, loadBinaryen } from "../../host/toolchain/binaryen.ts";
import type { Binaryen, Module } from "../../host/toolchain/binaryen.ts";
import { FOREIGN, forged, NOSY, REACHING } from "../user-module.ts";

const image = (name: string): Promise<Uint8Array> =>
  readFile(new URL(`../../dist/images/${name}.wasm`, import.meta.url));

/** An image that exports something else under the name that one of its exports has. */
async function replaced(name: string, kernel: string, make: (m: Module, b: Binaryen) => void): Promise<Uint8Array> {
  const b = await loadBinaryen();
  const m = b.readBinary(await image(kernel), features(b));
  try {
    m.removeExport(name);
    make(m, b);
    return m.emitBinary();
  } finally {
    m.dispose();
  }
}

/** What an image with these constants exports. */
function exportsOf(constants: Readonly<Record<string, number>>): WebAssembly.Exports {
  return Object.fromEntries(
    Object.entries(constants).map(([name, value]) => [name, new WebAssembly.Global({ value: "i32" }, value)]),
  );
}

describe("the handshake", () => {
  const same: Readonly<Record<string, number>> = { ...layout, ...abi, ...records };

  it("passes when image and host know the same numbers", () => {
    expect(() => assertSameConstants(exportsOf(same))).not.toThrow();
  });

  it("names the constant that differs, with both values", () => {
    expect(() => assertSameConstants(exportsOf({ ...same, TASK_STATE: 99 }))).toThrow(
      expect.objectContaining({
        code: "LAYOUT_DRIFT",
        what: `TASK_STATE is ${layout.TASK_STATE} here and 99 in the image`,
      }),
    );
  });

  it("names what only the host knows, and what only the image knows", () => {
    const { SYS_LOG, ...less } = same;
    expect(() => assertSameConstants(exportsOf({ ...less, SYS_REBOOT: 15 }))).toThrow(
      `SYS_LOG is ${SYS_LOG} here and missing in the image; SYS_REBOOT is 15 in the image and missing here`,
    );
  });

  it("lists the first differences and counts the rest", () => {
    expect(() => assertSameConstants({})).toThrow(/^LAYOUT_DRIFT: WORD is 4 here .* and \d+ more\n/);
  });

  it("does not take functions of the image for constants", () => {
    expect(() => assertSameConstants({ ...exportsOf(same), cpu_run: () => 0 })).not.toThrow();
  });
});

describe("a kernel image", () => {
  const boot = (kernel: Uint8Array, platform: "threads" | "stepped" = "threads"): Promise<Machine> =>
    Machine.boot({ cpus: 1, platform, image: { kernel } });

  it("is refused when it is no module", async () => {
    await expect(boot(new Uint8Array([1, 2, 3]))).rejects.toMatchObject({ code: "BAD_IMAGE" });
  });

  it("is refused when it has no map", async () => {
    await expect(boot(FOREIGN)).rejects.toMatchObject({
      code: "BAD_IMAGE",
      what: "the kernel image has no section wlp.map",
    });
  });

  it("is refused on a platform that it was not built for", async () => {
    await expect(boot(await image("kernel"), "stepped")).rejects.toMatchObject({
      code: "BAD_IMAGE",
      remedy: expect.stringMatching(/kernel-stepped/),
    });
    await expect(boot(await image("kernel-stepped"))).rejects.toMatchObject({ code: "BAD_IMAGE" });
    await expect(boot(await image("user"))).rejects.toMatchObject({ code: "BAD_IMAGE" });
  });

  it("is refused when it was built from another layout, before any thread is started", async () => {
    const kernel = await replaced("TASK_STATE", "kernel", (m, b) => {
      m.addGlobal("other", b.i32, false, m.i32.const(99));
      m.addGlobalExport("other", "TASK_STATE");
    });
    const starts = vi.spyOn(Worker.prototype, "postMessage");
    await expect(boot(kernel)).rejects.toMatchObject({
      code: "LAYOUT_DRIFT",
      what: `TASK_STATE is ${layout.TASK_STATE} here and 99 in the image`,
    });
    expect(starts).not.toHaveBeenCalled();
    starts.mockRestore();
  });

  it.each(["threads", "stepped"] as const)(
    "that traps while it boots is a refusal, not a wait (%s)",
    async (platform) => {
      const kernel = await replaced("boot", platform === "threads" ? "kernel" : "kernel-stepped", (m, b) => {
        m.addFunction("bad boot", b.none, b.none, [], m.unreachable());
        m.addFunctionExport("bad boot", "boot");
      });
      await expect(boot(kernel, platform)).rejects.toMatchObject({
        code: "BOOT_FAILED",
        what: expect.stringMatching(/unreachable/),
      });
    },
  );

  it("is named with the command that makes it, when its file is missing", async () => {
    await expect(readImage("kernel-of-tomorrow")).rejects.toMatchObject({
      code: "NO_IMAGE",
      what: expect.stringMatching(/kernel-of-tomorrow\.wasm$/),
      remedy: "Build it: npm run build.",
    });
  });

  it("is refused when no task can sleep in it", async () => {
    await expect(boot(await image("kernel-plain"))).rejects.toMatchObject({
      code: "BAD_IMAGE",
      remedy: "Use kernel.wasm.",
    });
  });

  it("is refused when self-tests are asked for and it has none", async () => {
    const kernel = await image("kernel");
    await expect(Machine.boot({ image: { kernel }, selftests: true })).rejects.toMatchObject({
      code: "BAD_IMAGE",
      what: expect.stringMatching(/no self-tests/),
    });
  });
});

describe("a user module from another compiler", () => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await Machine.boot({ cpus: 1, userImage: FOREIGN });
    return () => machine.shutdown();
  });

  it("is made a user image on the way in, and its exports are programs", async () => {
    expect(machine.programs).toEqual(["forever", "answer"]);
    expect(await machine.wait(await machine.spawn("answer", 41))).toBe(42 << 8);
  });

  it("is refused when it imports more than a system call", async () => {
    await expect(Machine.boot({ cpus: 1, userImage: NOSY })).rejects.toMatchObject({ code: "FOREIGN_IMPORT" });
  });

  it("is not believed when it says that the toolchain made it: it stays in its window", async () => {
    const running = await Machine.boot({ cpus: 1, platform: "stepped", userImage: forged(REACHING) });
    expect(await running.wait(await running.spawn("reach"))).toBe(77 << 8);
    expect(running.counters().total.faults).toBe(0);
    await running.shutdown();
  });

  it("is refused for what it imports whatever it says, the toolchain's own output included", async () => {
    for (const userImage of [forged(NOSY), await image("user")])
      await expect(Machine.boot({ cpus: 1, userImage })).rejects.toMatchObject({ code: "FOREIGN_IMPORT" });
  });
});
