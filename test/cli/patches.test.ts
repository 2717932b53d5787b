/** wlp load, unload, list and their like, on a machine that wlp boot started. */
import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../host/toolchain/compile.ts";

const WLP = join(PACKAGE_ROOT, "dist/host/cli/main.js");
const BUILT = join(PACKAGE_ROOT, "dist/patches/dirty-pipe.kernel.wasm");
let runtime: string;
let machine: ChildProcess;

interface Result {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

function wlp(...args: readonly string[]): Promise<Result> {
  const options = { env: { ...process.env, XDG_RUNTIME_DIR: runtime }, cwd: runtime };
  return new Promise((resolve) => {
    execFile(process.execPath, [WLP, ...args], options, (error, out, err) => {
      resolve({ status: error ? Number(error.code) : 0, out, err });
    });
  });
}

beforeAll(async () => {
  runtime = await mkdtemp(join(tmpdir(), "wlp-run-"));
  machine = spawn(process.execPath, [WLP, "boot", "--cpus", "2"], {
    env: { ...process.env, XDG_RUNTIME_DIR: runtime },
    stdio: ["ignore", "ignore", "inherit"],
  });
  while ((await wlp("exec", "--", "true")).status !== 0) continue;
});
afterAll(async () => {
  machine.kill("SIGKILL");
  await rm(runtime, { recursive: true });
});

describe("wlp, about the patches of a running machine,", () => {
  it("loads one, lists it, and takes it off", async () => {
    expect(await wlp("load", "dirty-pipe", "--model", "kpatch")).toMatchObject({
      status: 0,
      out: "dirty-pipe [enabled] (kpatch): splice_to_pipe\n",
    });
    const { out } = await wlp("list", "--json");
    expect(JSON.parse(out)).toEqual([
      { name: "dirty-pipe", model: "kpatch", state: "enabled", remaining: 0, functions: ["splice_to_pipe"] },
    ]);
    expect(await wlp("load", BUILT, "--model", "kpatch")).toMatchObject({
      status: 1,
      err: expect.stringMatching(/PATCH_STATE/),
    });
    expect(await wlp("load", "dirty-pipe", "--timeout", "-1")).toMatchObject({
      status: 2,
      err: expect.stringMatching(/BAD_OPTION: --timeout/),
    });
    const gone = await wlp("unload", "dirty-pipe", "--json");
    expect(JSON.parse(gone.out)).toMatchObject({ name: "dirty-pipe", state: "unloaded" });
    expect(await wlp("list")).toMatchObject({ status: 0, out: "Loaded patch modules:\n" });
    expect(await wlp("unload", "dirty-pipe")).toMatchObject({
      status: 1,
      err: expect.stringMatching(/NOT_LOADED.*\n.*wlp list/),
    });
  });

  it("refuses what needs a transition when there is none", async () => {
    for (const command of ["signal", "reverse", "force"]) {
      expect(await wlp(command)).toMatchObject({
        status: 1,
        err: expect.stringMatching(/PATCH_STATE: no transition is under way/),
      });
    }
    expect(await wlp("blocking")).toMatchObject({ status: 0, out: "" });
    expect(await wlp("load", "no-such-patch")).toMatchObject({
      status: 2,
      err: expect.stringMatching(/UNKNOWN_PATCH/),
    });
  });

  it("names who is in the way, turns around, signals and forces", async () => {
    const pid = (await wlp("exec", "--", "sh -c 'sleep 9999 & wait' & echo $!")).out.trim();
    while ((await wlp("exec", "--", `grep -q sys_wait /proc/${pid}/stack`)).status !== 0) continue;
    expect(await wlp("load", "dirty-pipe", "--model", "kgraft", "--no-wait")).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^dirty-pipe \[enabling\.\.\.\] \(kgraft, \d+ tasks to move\)/),
    });
    const { out } = await wlp("blocking");
    expect(out).toContain(`PID: ${pid} Comm: sh\n`);
    expect(out).toContain("sys_wait");
    expect(await wlp("reverse")).toMatchObject({
      status: 0,
      out: expect.stringMatching(/\[(disabling\.\.\.|disabled)\]/),
    });
    while (!(await wlp("list")).out.includes("disabled")) continue;
    expect(await wlp("unload", "dirty-pipe")).toMatchObject({ status: 0 });

    expect((await wlp("load", "dirty-pipe", "--model", "kgraft", "--no-wait")).status).toBe(0);
    expect(await wlp("force")).toMatchObject({ status: 0, out: expect.stringMatching(/\[enabled\]/) });
    const taking = wlp("unload", "dirty-pipe", "--timeout", "2");
    expect(await taking).toMatchObject({
      status: 0,
      err: expect.stringMatching(/the transition stalls; signalling \d+ tasks/),
    });
  });
});

describe("wlp, about a module's file,", () => {
  it("says what is in it, and whether it fits", async () => {
    const inspected = await wlp("inspect", BUILT);
    expect(inspected.out).toMatch(/^replaces +splice_to_pipe,1 \(kernel\/fs\/splice\.ts:\d+\) sleepable/m);
    expect(inspected.out).toMatch(/^import +memory env\.memory/m);
    expect((await wlp("inspect", "--wat", BUILT)).out).toMatch(/^\(module/);
    expect((await wlp("info", "dirty-pipe")).out).toMatch(/^purpose {7}\S/);
    expect(await wlp("verify", BUILT)).toMatchObject({ status: 0, out: "dirty-pipe fits\n" });
  });

  it("refuses what is none", async () => {
    expect(await wlp("verify", WLP)).toMatchObject({ status: 1, err: expect.stringMatching(/NOT_A_PATCH/) });
    expect(await wlp("inspect", "/none.wasm")).toMatchObject({
      status: 2,
      err: expect.stringMatching(/UNKNOWN_PATCH/),
    });
    expect(await wlp("inspect", join(PACKAGE_ROOT, "dist/images/user.wasm"))).toMatchObject({ status: 1 });
  });
});
