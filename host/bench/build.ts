/**
 * How long the toolchain takes: everything from nothing, and one patch.
 *
 * The package is laid out again in a temporary folder (host and sources copied, dependencies linked), so that nothing
 * of this one is touched and nothing is fresh.
 */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PACKAGE_ROOT } from "../platform/node/files.ts";
import type { Effort, Outcome, Tools } from "./bench.ts";
import { figure } from "./figure.ts";

const COPIED = ["package.json", "asconfig.json", "kernel", "patches", "dist/host", "dist/kernel"];
const PATCH = "patches/dirty-pipe";
const PATCHES_BUILT: Readonly<Record<Effort["name"], number>> = { quick: 1, normal: 3, full: 11 };
const run = promisify(execFile);

export async function benchBuild(effort: Effort, tools: Tools): Promise<Outcome> {
  const patch: number[] = [];
  const cold: number[] = [];
  const output = await mkdtemp(join(tmpdir(), "wlp-build-"));
  try {
    for (let build = 0; build < PATCHES_BUILT[effort.name]; build++) {
      tools.say("build: a patch");
      const command = [join(PACKAGE_ROOT, "dist/host/cli/main.js"), "build", PATCH, "-o", join(output, "patch.wasm")];
      patch.push(await timed(PACKAGE_ROOT, command, tools));
    }
    if (effort.name !== "quick") {
      tools.say("build: everything");
      const root = join(output, "package");
      await layOut(root);
      cold.push(await timed(root, [join(root, "dist/host/toolchain/main.js")], tools));
    }
  } finally {
    await rm(output, { recursive: true, force: true });
  }
  return {
    figures: [figure("build.patch", PATCH, patch), figure("build.cold", "all images and patches", cold)],
    notes: ["processes of their own: Node's start and the compiler's are in it"],
  };
}

async function layOut(root: string): Promise<void> {
  await mkdir(join(root, "dist"), { recursive: true });
  for (const path of COPIED) await cp(join(PACKAGE_ROOT, path), join(root, path), { recursive: true });
  await symlink(join(PACKAGE_ROOT, "node_modules"), join(root, "node_modules"));
}

async function timed(cwd: string, command: readonly string[], { signal }: Tools): Promise<number> {
  const started = performance.now();
  await run(process.execPath, [...command], { cwd, signal });
  return (performance.now() - started) * 1e6;
}
