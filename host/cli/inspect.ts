/**
 * `wlp inspect`, `info` and `verify`: what a built module is, and whether it fits a kernel.
 *
 * Contract: nothing is loaded anywhere; a patch is verified against the package's image of its kind, as a machine would.
 * Invariant: the compiler is loaded for --wat only.
 */
import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { MachineError } from "../errors.ts";
import { Machine } from "../machine.ts";
import { MODULE_SECTION, readModule } from "../toolchain/module-format.ts";
import type { ModuleInfo } from "../toolchain/module-format.ts";
import { readPatch } from "../toolchain/patch-format.ts";
import type { PatchInfo, Place } from "../toolchain/patch-format.ts";
import { wrap } from "./format.ts";
import { digest, resolvePatch } from "./patch-argument.ts";

interface Options {
  readonly json?: boolean;
  readonly wat?: boolean;
}

type Fact = readonly [name: string, value: string];

const EXIT_STATUS = "Exit status: 0 done, 1 it is no such module or does not fit, 2 usage.";
const WIDTH = 80;
const INDENT = 14;

export function inspectCommands(): Command[] {
  const command = (name: string, description: string): Command =>
    new Command(name)
      .description(description)
      .option("--json", "print one JSON document")
      .addHelpText("after", `\n${EXIT_STATUS}`);
  return [
    command("inspect", "What a built module replaces, needs and imports.")
      .argument("<FILE.wasm>", "a patch or a kernel module")
      .option("--wat", "print its text instead")
      .action(inspect),
    command("info", "What a patch is for, and what it replaces.")
      .argument("<PATCH>", "a folder's name under patches/, a diff (.patch), or a built module (.wasm)")
      .action(info),
    command("verify", "Whether a patch fits the kernel of this package.")
      .argument("<FILE.wasm>", "a patch")
      .action(verify),
  ];
}

async function inspect(file: string, { json = false, wat = false }: Options): Promise<void> {
  const bytes = await bytesOf(file);
  if (wat) return print(await textOf(bytes));
  const module = compile(bytes, file);
  const isModule = WebAssembly.Module.customSections(module, MODULE_SECTION).length > 0;
  const record = isModule ? readModule(module).info : readPatch(module).info;
  const imports = WebAssembly.Module.imports(module).map(({ module: from, name, kind }) => `${kind} ${from}.${name}`);
  if (json)
    return print(
      JSON.stringify({ kind: isModule ? "module" : "patch", bytes: bytes.length, record, imports }, null, 2),
    );
  const facts = isModule ? moduleFacts(record as ModuleInfo) : patchFacts(record as PatchInfo);
  print(lay([...facts, ["bytes", String(bytes.length)], ...imports.map((text): Fact => ["import", text])]));
}

async function info(argument: string, { json = false }: Options): Promise<void> {
  const { bytes, text } = await resolvePatch(argument, "kernel");
  const record = readPatch(compile(bytes, argument)).info;
  const { purpose } = digest(text);
  if (json) return print(JSON.stringify({ purpose, record }, null, 2));
  print(lay([...(purpose ? [["purpose", purpose] as const] : []), ...patchFacts(record)]));
}

async function verify(file: string, { json = false }: Options): Promise<void> {
  const bytes = await bytesOf(file);
  const { name, variant } = readPatch(compile(bytes, file)).info;
  await Machine.checkPatch(bytes, { debug: variant.debug, platform: variant.stepped ? "stepped" : "threads" });
  print(json ? JSON.stringify({ name, fits: true }, null, 2) : `${name} fits`);
}

function patchFacts({ name, model, kernel, variant, functions, added, hooks, data, object }: PatchInfo): Fact[] {
  const at = ({ file, line }: Place): string => `(${file}:${line})`;
  return [
    ["patch", name],
    ["model", model ?? "any"],
    ["kernel", `${kernel.slice(0, 12)} ${kindOf(variant)}`],
    ["object", object ?? "vmlinux"],
    ...functions.map((fn): Fact => [
      "replaces",
      `${fn.name},${fn.sympos} ${at(fn)} ${fn.class}${fn.force ? ", forced" : ""}`,
    ]),
    ...added.map((fn): Fact => ["adds", `${fn.name} ${at(fn)} ${fn.class}`]),
    ...Object.entries(hooks).map(([hook, path]): Fact => [hook, path]),
    ["data", `${data.bytes} bytes`],
  ];
}

function moduleFacts({
  name,
  version,
  license,
  description,
  kernel,
  variant,
  parameters,
  functions,
}: ModuleInfo): Fact[] {
  return [
    ["module", name],
    ["version", version],
    ["license", license],
    ["description", description],
    ["kernel", `${kernel.slice(0, 12)} ${kindOf(variant)}`],
    ...parameters.map((one): Fact => ["parameter", `${one.name}: ${one.type}`]),
    ...functions.map((fn): Fact => ["function", `${fn.name} (${fn.file}:${fn.line})`]),
  ];
}

function kindOf({ debug, stepped }: PatchInfo["variant"]): string {
  return stepped ? "kernel-stepped" : debug ? "kernel-debug" : "kernel";
}

function lay(facts: readonly Fact[]): string {
  return facts
    .flatMap(([name, value]) =>
      wrap(value, WIDTH - INDENT).map((line, row) => (row === 0 ? name : "").padEnd(INDENT) + line),
    )
    .join("\n");
}

function print(text: string): void {
  process.stdout.write(`${text.trimEnd()}\n`);
}

async function textOf(bytes: Uint8Array): Promise<string> {
  const { features, loadBinaryen } = await import("../toolchain/binaryen.ts");
  const b = await loadBinaryen();
  const module = b.readBinary(bytes, features(b));
  try {
    return module.emitText();
  } finally {
    module.dispose();
  }
}

async function bytesOf(file: string): Promise<Buffer> {
  return readFile(file).catch((cause: unknown) => {
    throw new MachineError("UNKNOWN_PATCH", `cannot read ${file}`, "Give the file that `wlp build` wrote.", { cause });
  });
}

function compile(bytes: Uint8Array, file: string): WebAssembly.Module {
  try {
    return new WebAssembly.Module(new Uint8Array(bytes));
  } catch (cause) {
    throw new MachineError("NOT_A_PATCH", `${file} is no WebAssembly module`, "Give the file that `wlp build` wrote.", {
      cause,
    });
  }
}
