import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../host/toolchain/compile.ts";
import { KERNEL_IMAGES, USER_IMAGE } from "../../host/toolchain/images.ts";

const INSTALL_MS = 300_000;
const run = promisify(execFile);

let folder: string;
let packed: { readonly filename: string; readonly files: readonly { readonly path: string }[] };

/** What a user does: pack (here without building again), install in an empty folder. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wlp-package-"));
  const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder];
  const { stdout } = await run("npm", pack, { cwd: PACKAGE_ROOT, maxBuffer: 1 << 24 });
  [packed] = JSON.parse(stdout) as [typeof packed];
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
  const install = [
    "install",
    "--ignore-scripts",
    "--prefer-offline",
    "--no-audit",
    "--no-fund",
    `./${packed.filename}`,
  ];
  await run("npm", install, { cwd: folder });
}, INSTALL_MS);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the package", () => {
  it("contains host, kernel sources and the images of a build, and of the tests the floor of the benches", () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(["dist/host/index.js", "kernel/main.ts", "asconfig.json", "README.md"]),
    );
    expect(paths.filter((path) => /(^|\/)test|planted|fixture/.test(path))).toEqual(["test/bench/floor/floor.c"]);
    const images = [...KERNEL_IMAGES, USER_IMAGE].map(({ name }) => `dist/images/${name}.wasm`);
    const modules = paths.filter((path) => path.endsWith(".wasm"));
    expect(modules.filter((path) => !path.startsWith("dist/patches/"))).toEqual(images.toSorted());
  });

  it("runs nothing when it is installed", async () => {
    const { stdout } = await run(
      "npm",
      ["query", ":attr(scripts, [postinstall]), :attr(scripts, [install]), :attr(scripts, [preinstall])"],
      { cwd: folder },
    );
    expect(JSON.parse(stdout)).toEqual([]);
  });

  it("boots a machine where it is imported", async () => {
    const program = `
      import { Machine, MachineError } from "wasm-livepatch";
      const machine = await Machine.boot({ platform: "stepped", cpus: 2 });
      process.stdout.write(await machine.read("/proc/uptime"));
      await machine.shutdown();
      await machine.read("/proc/uptime").catch((error) => console.log(error instanceof MachineError, error.code));
    `;
    await writeFile(join(folder, "program.js"), program);
    const { stdout } = await run(process.execPath, ["program.js"], { cwd: folder });
    expect(stdout).toMatch(/^\d+\.\d\d \d+\.\d\d\ntrue SHUT_DOWN\n$/);
  });

  it("brings the command wlp", async () => {
    const command = [
      "--no-install",
      "wlp",
      "run",
      "--cpus",
      "2",
      "--seconds",
      "0.01",
      "--platform",
      "stepped",
      "--json",
    ];
    const { stdout } = await run("npx", command, { cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({ machine: { platform: "stepped", cpus: 2 }, workload: "mixed" });
  });

  it("keeps what it does not export to itself", async () => {
    await expect(
      run(process.execPath, ["-e", 'import("wasm-livepatch/dist/host/machine.js")'], { cwd: folder }),
    ).rejects.toMatchObject({
      stderr: expect.stringContaining("ERR_PACKAGE_PATH_NOT_EXPORTED"),
    });
  });
});

describe("the lockfile", () => {
  it("agrees with package.json", { timeout: INSTALL_MS }, async () => {
    await run("npm", ["ci", "--dry-run", "--ignore-scripts", "--prefer-offline"], { cwd: PACKAGE_ROOT });
  });
});
