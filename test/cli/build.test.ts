/** `wlp build` as an author types it. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTwoFilesPatch } from "diff";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../host/toolchain/compile.ts";
import { readPatch } from "../../host/toolchain/patch-format.ts";

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const FILE = "kernel/fs/procfs.ts";
const SIGNATURE = "function put_uptime(at: usize, limit: usize, subject: i32): usize {";
const TIMEOUT = 60_000;

let folder: string;
const wlp = (...args: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(PACKAGE_ROOT, "dist/host/cli/main.js"), "build", ...args],
      { cwd: folder },
      (error, stdout, stderr) => resolve({ status: Number(error?.code ?? 0), stdout, stderr }),
    );
  });

/** Writes a diff of put_uptime's head, or of another line. */
async function write(name: string, replacement: string, from = SIGNATURE): Promise<void> {
  const before = await readFile(join(PACKAGE_ROOT, FILE), "utf8");
  const after = before.replace(from, replacement);
  await writeFile(join(folder, name), createTwoFilesPatch(`a/${FILE}`, `b/${FILE}`, before, after));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wlp-build-"));
  await write("late.patch", `function later(): i32 {\n  return 1;\n}\n${SIGNATURE}\n  at += later() - 1;`);
  await write("comment.patch", `// about time\n${SIGNATURE}`);
  await write(
    "state.patch",
    "let asked: i32 = 0;\nexport function ask(): i32 {\n  return asked++;\n}\nconst NAMES",
    "const NAMES",
  );
});
afterAll(() => rm(folder, { recursive: true }));

describe("wlp build", { timeout: TIMEOUT }, () => {
  it("prints changed and new functions with their places, and writes the module", async () => {
    const { status, stdout } = await wlp("late.patch");
    expect(stdout).toMatch(
      /^changed function: put_uptime \(kernel\/fs\/procfs\.ts:\d+\)\nnew function: later \(kernel\/fs\/procfs\.ts:\d+\)\nlate\.wasm: \d+ bytes for kernel, in [\d.]+ s\nSUCCESS\n$/,
    );
    expect(status).toBe(0);
    const { info } = readPatch(new WebAssembly.Module(await readFile(join(folder, "late.wasm"))));
    expect(info).toMatchObject({ name: "late", model: null });
  });

  it("prints one document with --json, and takes name, model, variant and file", async () => {
    const { stdout } = await wlp(
      "late.patch",
      "--json",
      "--name",
      "clock",
      "--model",
      "kpatch",
      "--variant",
      "kernel-debug",
      "-o",
      "x.wasm",
    );
    expect(JSON.parse(stdout)).toMatchObject({
      name: "clock",
      output: "x.wasm",
      variant: "kernel-debug",
      functions: [{ name: "put_uptime", file: FILE }],
      added: [{ name: "later", file: FILE }],
    });
    const { info } = readPatch(new WebAssembly.Module(await readFile(join(folder, "x.wasm"))));
    expect(info).toMatchObject({ name: "clock", model: "kpatch", variant: { debug: true, stepped: false } });
  });

  it("ends with 3 when nothing functional changed", async () => {
    const { status, stderr } = await wlp("comment.patch");
    expect(stderr).toMatch(/^wlp: NO_FUNCTIONAL_CHANGE: no functional changes found/);
    expect(status).toBe(3);
  });

  it("ends with 1 and writes nothing when the change cannot be patched", async () => {
    const { status, stderr } = await wlp("state.patch");
    expect(stderr).toMatch(/^wlp: SHARED_STATE_IN_GLOBAL: kernel\/fs\/procfs\/asked \(kernel\/fs\/procfs\.ts:\d+\)/);
    expect(status).toBe(1);
    expect(await readdir(folder)).not.toContain("state.wasm");
  });

  it.each([
    [["missing.patch"], /BAD_USAGE: there is no file missing\.patch/],
    [["/dev/null"], /BAD_USAGE: \/dev\/null is no diff, and no folder that holds one/],
    [["late.patch", "--name", "a b"], /BAD_OPTION: "a b" cannot be the name of a patch/],
    [["late.patch", "--variant", "kernel-plain"], /BAD_USAGE: .*kernel-stepped/],
    [[], /BAD_USAGE: .*FILE\.patch/],
  ])("ends with 2 for %j", async (args, says) => {
    const { status, stderr } = await wlp(...args);
    expect(stderr).toMatch(says);
    expect(status).toBe(2);
  });
});
