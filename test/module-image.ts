/** Kernel modules for the package's own images, and patches of them, built once, kept in dist. */
import { join } from "node:path";
import { createTwoFilesPatch } from "diff";
import { PACKAGE_ROOT } from "../host/toolchain/compile.ts";
import { OPTIMIZE_LEVEL } from "../host/toolchain/images.ts";
import { buildModule } from "../host/toolchain/module.ts";
import type { ModuleImage } from "../host/toolchain/module.ts";
import { moduleName, readModuleFiles } from "../host/toolchain/module-source.ts";
import { buildPatch } from "../host/toolchain/patch.ts";
import { readBase } from "../host/toolchain/patch-files.ts";
import { moduleFolder } from "../host/toolchain/patch-format.ts";
import { kept } from "./kept.ts";
import type { ImageName } from "./patch-image.ts";

/** Modules that this process has built. */
const built = new Map<string, Promise<ModuleImage>>();

async function build(path: string, image: ImageName): Promise<ModuleImage> {
  const files = await readModuleFiles([join(PACKAGE_ROOT, path)]);
  const base = await readBase(PACKAGE_ROOT, image);
  return buildModule({ root: PACKAGE_ROOT, files, name: moduleName(files), ...base, optimizeLevel: OPTIMIZE_LEVEL });
}

function builtOnce(path: string, image: ImageName): Promise<ModuleImage> {
  const module = built.get(`${image} ${path}`) ?? build(path, image);
  built.set(`${image} ${path}`, module);
  return module;
}

/** The bytes of the module that `path`, below the package, is the source of. */
export async function moduleImage(path: string, image: ImageName): Promise<Uint8Array<ArrayBuffer>> {
  const base = await readBase(PACKAGE_ROOT, image);
  const files = await readModuleFiles([join(PACKAGE_ROOT, path)]);
  return kept([base.base.identity, files], async () => (await builtOnce(path, image)).wasm);
}

/** The bytes of a patch of that module, named `name`, which replaces text of its source. */
export async function modulePatch(
  path: string,
  image: ImageName,
  name: string,
  texts: readonly (readonly [from: string, to: string])[],
): Promise<Uint8Array<ArrayBuffer>> {
  const base = await readBase(PACKAGE_ROOT, image);
  const files = await readModuleFiles([join(PACKAGE_ROOT, path)]);
  return kept([base.base.identity, files, name, texts], async () => {
    const module = { name: moduleName(files), files, image: await builtOnce(path, image) };
    const before = files[0]?.text ?? "";
    const after = texts.reduce((text, [from, to]) => {
      if (!text.includes(from)) throw new Error(`${path} no longer holds what a test's patch replaces: ${from}`);
      return text.replace(from, () => to);
    }, before);
    const file = `${moduleFolder(module.name)}${files[0]?.name ?? ""}`;
    const diffs = [createTwoFilesPatch(`a/${file}`, `b/${file}`, before, after)];
    return (await buildPatch({ root: PACKAGE_ROOT, diffs, name, module, ...base, optimizeLevel: OPTIMIZE_LEVEL })).wasm;
  });
}
