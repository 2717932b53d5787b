/**
 * `wlp build`: unified diffs against the kernel's source → a patch module.
 *
 * Contract: prints each changed and each new function with its place, then size, time and SUCCESS; nothing is written
 * when the change cannot be patched. Exit status 3 when the diffs change nothing that runs.
 * Invariant: the module fits the image that `--variant` names, as it lies beside the source, and no other.
 */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { setFlagsFromString } from "node:v8";
import { Command, Option } from "commander";
import { PACKAGE_ROOT } from "../toolchain/compile.ts";
import { OPTIMIZE_LEVEL, PATCHABLE_IMAGES } from "../toolchain/images.ts";
import { readModuleFolder } from "../toolchain/module-source.ts";
import { buildPatch } from "../toolchain/patch.ts";
import { symbolName } from "../toolchain/patch-changes.ts";
import { readBase, readPatchFiles } from "../toolchain/patch-files.ts";
import { moduleFolder } from "../toolchain/patch-format.ts";
import type { PatchModel, Place } from "../toolchain/patch-format.ts";
import { objectOf } from "../toolchain/patch-source.ts";
import { buildKernelModule } from "./build-module.ts";

export interface BuildOptions {
  readonly kernel?: string;
  readonly output?: string;
  readonly name?: string;
  readonly model?: PatchModel;
  readonly variant: string;
  readonly force?: readonly string[];
  readonly json?: boolean;
  readonly module?: boolean;
  readonly ootModuleSrc?: string;
}

const EXIT_STATUS = "Exit status: 0 built, 1 the change cannot be patched, 2 wrong usage, 3 no functional change.";

export function buildCommand(): Command {
  return new Command("build")
    .description("Make a patch module from diffs of the kernel's source, or a kernel module from files of its own.")
    .argument(
      "<FILE.patch...>",
      "unified diffs, applied in turn, or a folder that holds them; with --module, source files",
    )
    .option("--module", "make a kernel module of AssemblyScript files, the main one first")
    .option("--kernel <dir>", "the folder that holds kernel/, unpatched, and dist/images (default: this package)")
    .option("--oot-module-src <dir>", "source of the kernel module that the diffs change (default: modules/NAME there)")
    .option("-o, --output <file>", "where the module goes (default: NAME.wasm)")
    .option("--name <n>", "name of the patch (default: the first file's, or the folder's)")
    .addOption(new Option("--model <m>", "the model that the patch asks for").choices(["kpatch", "kgraft"]))
    .addOption(
      new Option("--variant <v>", "the kernel image that the patch is for")
        .choices(PATCHABLE_IMAGES)
        .default(PATCHABLE_IMAGES[0]),
    )
    .option("--force <function...>", "replace these functions although they are in use (as @force_unsafe does)")
    .option("--json", "print one JSON document")
    .addHelpText("after", `\n${EXIT_STATUS}`)
    .action(build);
}

/** One build is over before it pays that the engine optimises the compilers: doing so takes their cores. */
const ENGINE_FLAGS = ["--liftoff-only", "--wasm-lazy-compilation"];

async function build(paths: readonly string[], options: BuildOptions): Promise<void> {
  for (const flag of ENGINE_FLAGS) setFlagsFromString(flag);
  if (options.module) return buildKernelModule(paths, options);
  const started = performance.now();
  const { name, diffs } = await readPatchFiles(paths, options.name);
  const root = `${resolve(options.kernel ?? PACKAGE_ROOT)}/`;
  const { base, baseData } = await readBase(root, options.variant);
  const { model, force = [] } = options;
  const object = objectOf(diffs);
  const folder = options.ootModuleSrc ?? `${root}${moduleFolder(object ?? "")}`;
  const module = object === null ? undefined : { name: object, files: await readModuleFolder(folder) };
  const { wasm, info } = await buildPatch({
    root,
    diffs,
    name,
    model,
    force,
    base,
    baseData,
    module,
    optimizeLevel: OPTIMIZE_LEVEL,
  });
  const output = options.output ?? `${name}.wasm`;
  await writeFile(output, wasm);
  const seconds = (performance.now() - started) / 1000;
  if (options.json) {
    const { functions, added, hooks } = info;
    const built = { name, object, output, variant: options.variant, bytes: wasm.length, seconds };
    const report = { ...built, functions, added, hooks };
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    return;
  }
  const at = ({ file, line }: Place): string => `(${file}:${line})`;
  const lines = [
    ...info.functions.map((fn) => `changed function: ${symbolName(fn, base)} ${at(fn)}${fn.force ? ", forced" : ""}`),
    ...info.added.map((fn) => `new function: ${fn.name} ${at(fn)}`),
    `${output}: ${wasm.length} bytes for ${options.variant}, in ${seconds.toFixed(1)} s`,
    "SUCCESS",
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}
