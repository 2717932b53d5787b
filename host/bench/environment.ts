/**
 * Where and with what something was measured: figures mean nothing without it.
 *
 * Contract: what cannot be found out is absent, never guessed; the git revision is of the package's own repository.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, loadavg } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PACKAGE_ROOT } from "../platform/node/files.ts";

export interface Environment {
  readonly package: string;
  readonly revision?: string;
  readonly date: string;
  readonly node: string;
  readonly v8: string;
  readonly flags: readonly string[];
  readonly platform: string;
  readonly cores: number;
  readonly processor: string;
  /** Of the last 1, 5 and 15 minutes, when the run began. */
  readonly loadAverage: readonly number[];
}

export async function environment(): Promise<Environment> {
  const { version } = JSON.parse(await readFile(join(PACKAGE_ROOT, "package.json"), "utf8")) as { version: string };
  const revision = await gitRevision();
  return {
    package: version,
    ...(revision === undefined ? {} : { revision }),
    date: new Date().toISOString(),
    node: process.versions.node,
    v8: process.versions.v8,
    flags: [...process.execArgv, ...(process.env["NODE_OPTIONS"] ?? "").split(" ").filter((flag) => flag !== "")],
    platform: `${process.platform} ${process.arch}`,
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? "unknown",
    loadAverage: loadavg().map((load) => Math.round(load * 100) / 100),
  };
}

/** With `+` when files differ from it; none where the package lies in no repository of its own. */
async function gitRevision(): Promise<string | undefined> {
  const git = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)("git", args, { cwd: PACKAGE_ROOT })).stdout.trim();
  try {
    if ((await git("rev-parse", "--show-prefix")) !== "") return undefined;
    const changed = await git("status", "--porcelain", "--untracked-files=no");
    return `${await git("rev-parse", "--short=12", "HEAD")}${changed === "" ? "" : "+"}`;
  } catch {
    return undefined;
  }
}
