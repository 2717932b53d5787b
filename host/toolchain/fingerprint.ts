/**
 * Whether an image is older than what it was made from.
 *
 * Contract: a digest over the sources, the options and the toolchain's own code; equal digests mean equal images,
 * because a build reads nothing else. Invariant: file names count too, so a renamed file is a change.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { PACKAGE_ROOT } from "./compile.ts";

/** A digest of everything that a build of `folder` with `options` depends on; what is in the folders `without` is not. */
export async function fingerprint(folder: string, options: unknown, without: readonly string[] = []): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(options));
  const toolchain = fileURLToPath(new URL(".", import.meta.url));
  const skipped = without.map((name) => join(folder, name) + sep);
  const sources = (await filesBelow(folder)).filter((path) => !skipped.some((start) => path.startsWith(start)));
  const inputs = [...sources, ...(await filesBelow(toolchain))];
  const versions = ["asconfig.json", "package.json"].map((name) => join(PACKAGE_ROOT, name));
  for (const path of [...inputs, ...versions]) {
    hash.update(`${relative(PACKAGE_ROOT, path)}\0`).update(await readFile(path));
  }
  return hash.digest("hex");
}

/** A digest of the kernel's own source below `root`, without the user programs, which are a module of their own. */
export async function sourceDigest(root: string): Promise<string> {
  const kernel = join(root, "kernel");
  const hash = createHash("sha256");
  for (const path of await filesBelow(kernel)) {
    const name = relative(kernel, path);
    if (!name.startsWith("user")) hash.update(`${name}\0`).update(await readFile(path));
  }
  return hash.digest("hex");
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(js|ts)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}
