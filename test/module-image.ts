/** Kernel modules for the package's own images, built once, kept in dist. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../host/toolchain/compile.ts";
import { OPTIMIZE_LEVEL } from "../host/toolchain/images.ts";
import { buildModule } from "../host/toolchain/module.ts";
import { moduleName, readModuleFiles } from "../host/toolchain/module-source.ts";
import { readBase } from "../host/toolchain/patch-files.ts";
import type { ImageName } from "./patch-image.ts";

const CACHE = join(PACKAGE_ROOT, "dist/test-images");

/** The bytes of the module that `path`, below the package, is the source of. */
export async function moduleImage(path: string, image: ImageName): Promise<Uint8Array<ArrayBuffer>> {
  const base = await readBase(PACKAGE_ROOT, image);
  const files = await readModuleFiles([join(PACKAGE_ROOT, path)]);
  const digest = createHash("sha256")
    .update(JSON.stringify([base.base.identity, files]))
    .digest("hex");
  const file = join(CACHE, `${digest.slice(0, 16)}.module.wasm`);
  const cached = await readFile(file).catch(() => undefined);
  if (cached) return new Uint8Array(cached);
  const name = moduleName(files);
  const { wasm } = await buildModule({ root: PACKAGE_ROOT, files, name, ...base, optimizeLevel: OPTIMIZE_LEVEL });
  await mkdir(CACHE, { recursive: true });
  await writeFile(file, wasm);
  return wasm;
}
