/**
 * Kernel images with the in-kernel self-tests, as they are or with a planted bug; built once, kept in dist.
 *
 * A planted bug is a diff against kernel/, applied to a copy: a diff that no longer applies is a failure, not a skip.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyPatch, parsePatch } from "diff";
import { PACKAGE_ROOT } from "../host/toolchain/compile.ts";
import { fingerprint } from "../host/toolchain/fingerprint.ts";
import { buildKernel } from "../host/toolchain/kernel.ts";
import { kept } from "./kept.ts";

export interface SelftestImage {
  /** For the stepped platform. */
  readonly stepped: boolean;
  /** Name of a diff in test/planted, without ending. */
  readonly planted?: string;
}

const ENTRIES = ["kernel/main.ts", "test/kernel/index.ts"];

/** The image's bytes. */
export async function selftestImage({ stepped, planted }: SelftestImage): Promise<{ kernel: Uint8Array }> {
  const diff = planted ? await readFile(join(PACKAGE_ROOT, `test/planted/${planted}.diff`), "utf8") : "";
  const prints = await Promise.all(
    ["kernel", "test/kernel"].map((folder) => fingerprint(join(PACKAGE_ROOT, folder), { stepped, diff })),
  );
  return { kernel: await kept(prints, () => build(stepped, diff)) };
}

async function build(stepped: boolean, diff: string): Promise<Uint8Array> {
  const root = await mkdtemp(join(tmpdir(), "wlp-planted-"));
  try {
    for (const folder of ["kernel", "test/kernel"])
      await cp(join(PACKAGE_ROOT, folder), join(root, folder), { recursive: true });
    if (diff) await plant(root, diff);
    const variant = { debug: true, stepped, hooks: true, asyncify: "sleepable" as const };
    return (await buildKernel({ root: `${root}/`, entries: ENTRIES, ...variant, optimizeLevel: 1, mapName: "" })).wasm;
  } finally {
    await rm(root, { recursive: true });
  }
}

/** Applies a planted bug to a copy of the source. */
export async function plant(root: string, diff: string): Promise<void> {
  for (const patch of parsePatch(diff)) {
    const file = join(root, (patch.newFileName ?? "").replace(/^b\//, ""));
    const changed = applyPatch(await readFile(file, "utf8"), patch);
    if (changed === false) throw new Error(`the planted bug no longer applies to ${file}; make its diff again`);
    await writeFile(file, changed);
  }
}
