/**
 * Whether an image is older than what it was made from.
 *
 * Contract: a digest over the sources, the options and the toolchain's own code; equal digests mean equal images,
 * because a build reads nothing else. Files are read in one go: a build has nothing else to do meanwhile. Invariant: file
 * names count too, so a renamed file is a change.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { PACKAGE_ROOT } from "./compile.ts";

/** A digest of everything that a build of `folder` with `options` depends on; what is in the folders `without` is not. */
export function fingerprint(folder: string, options: unknown, without: readonly string[] = []): string {
  const hash = createHash("sha256").update(JSON.stringify(options));
  const toolchain = fileURLToPath(new URL(".", import.meta.url));
  const skipped = without.map((name) => join(folder, name) + sep);
  const sources = filesBelow(folder).filter((path) => !skipped.some((start) => path.startsWith(start)));
  const inputs = [...sources, ...filesBelow(toolchain)];
  const versions = ["asconfig.json", "package.json"].map((name) => join(PACKAGE_ROOT, name));
  for (const path of [...inputs, ...versions]) {
    hash.update(`${relative(PACKAGE_ROOT, path)}\0`).update(readFileSync(path));
  }
  return hash.digest("hex");
}

/** A digest of the kernel's own source below `root`, without the user programs, which are a module of their own. */
export function sourceDigest(root: string): string {
  const kernel = join(root, "kernel");
  const hash = createHash("sha256");
  for (const path of filesBelow(kernel)) {
    const name = relative(kernel, path);
    if (!name.startsWith("user")) hash.update(`${name}\0`).update(readFileSync(path));
  }
  return hash.digest("hex");
}

/** All source files, in order. */
export function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(js|ts)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}
