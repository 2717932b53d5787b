/**
 * `wlp build --module`: AssemblyScript files → a kernel module.
 *
 * Contract: prints what the module says of itself, its parameters and functions, size and time; nothing is written when
 * it cannot be made. Invariant: as with a patch, the module fits the image that `--variant` names, and no other.
 */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { PACKAGE_ROOT } from "../toolchain/compile.ts";
import { OPTIMIZE_LEVEL } from "../toolchain/images.ts";
import { buildModule } from "../toolchain/module.ts";
import { moduleName, readModuleFiles } from "../toolchain/module-source.ts";
import { readBase } from "../toolchain/patch-files.ts";
import type { BuildOptions } from "./build.ts";

export async function buildKernelModule(paths: readonly string[], options: BuildOptions): Promise<void> {
  const started = performance.now();
  const files = await readModuleFiles(paths);
  const name = moduleName(files, options.name);
  const root = `${resolve(options.kernel ?? PACKAGE_ROOT)}/`;
  const base = await readBase(root, options.variant);
  const { wasm, info } = await buildModule({ root, files, name, ...base, optimizeLevel: OPTIMIZE_LEVEL });
  const output = options.output ?? `${name}.wasm`;
  await writeFile(output, wasm);
  const seconds = (performance.now() - started) / 1000;
  const { version, license, description, parameters, functions } = info;
  if (options.json) {
    const report = { name, output, variant: options.variant, bytes: wasm.length, seconds };
    const facts = { version, license, description, parameters, functions };
    process.stdout.write(`${JSON.stringify({ ...report, ...facts }, null, 2)}\n`);
    return;
  }
  const lines = [
    `module ${name}${version === "" ? "" : ` ${version}`}, license ${license === "" ? "unknown" : license}`,
    ...parameters.map((parameter) => `parameter: ${parameter.name} (${parameter.type})`),
    ...functions.map((fn) => `function: ${fn.name} (${fn.file}:${fn.line})`),
    `${output}: ${wasm.length} bytes for ${options.variant}, in ${seconds.toFixed(1)} s`,
    "SUCCESS",
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}
