/**
 * AssemblyScript source → Wasm, the same as text with source lines, declarations.
 *
 * Idea: the compiler runs in this process, unoptimised and with names, because everything after it works by name.
 * Contract: `root` is any folder that holds the source; options come from the package's own asconfig.json.
 * Invariant: nothing is inlined or merged here, so that each source function is one function of the module.
 */
import { fileURLToPath } from "node:url";
import { MachineError } from "../errors.ts";
import { DeclarationCollector } from "./declarations.ts";
import type { Declarations } from "./declarations.ts";

export interface CompileOptions {
  readonly root: string;
  readonly entries: readonly string[];
  /** A target of asconfig.json. */
  readonly target: "kernel" | "user";
  readonly memoryBase: number;
  /** Of the memory at first, if not as in asconfig.json: static data must lie in them. */
  readonly pages?: number;
  /** Integer constants that the source sees as globals. */
  readonly constants?: Readonly<Record<string, number>>;
  /** Whether the module comes as text too, which says where in the source each expression stands. */
  readonly lines?: boolean;
}

export interface Compiled {
  readonly wasm: Uint8Array<ArrayBuffer>;
  /** Empty when no lines were asked for. */
  readonly text: string;
  readonly declarations: Declarations;
}

/** The folder of this package, from the sources and from dist alike. */
export const PACKAGE_ROOT: string = fileURLToPath(
  new URL(import.meta.url.includes("/dist/") ? "../../../" : "../../", import.meta.url),
);

export async function compile(options: CompileOptions): Promise<Compiled> {
  const { main } = await import("assemblyscript/asc");
  const collector = new DeclarationCollector();
  const files = new Map<string, Uint8Array | string>();
  const settings = {
    config: `${PACKAGE_ROOT}asconfig.json`,
    target: options.target,
    baseDir: options.root,
    memoryBase: String(options.memoryBase),
    ...(options.pages === undefined ? {} : { initialMemory: String(options.pages) }),
    outFile: "out.wasm",
  };
  const constants = Object.entries(options.constants ?? {}).flatMap(([name, value]) => ["--use", `${name}=${value}`]);
  const result = await main(
    [
      ...options.entries,
      ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
      ...constants,
      // Of both forms of text this one holds lines, when there is a source map too.
      ...(options.lines ? ["--sourceMap", "--textFile", "out.wast"] : []),
      "--noColors",
    ],
    {
      transforms: [collector as never],
      writeFile: (name: string, contents: Uint8Array | string) => void files.set(name, contents),
    },
  );
  if (result.error) {
    throw new MachineError(
      "COMPILE_FAILED",
      `${options.entries.join(", ")} in ${options.root} does not compile:\n${result.stderr.toString()}`,
      "Mend the source at the place named above.",
      { cause: result.error },
    );
  }
  return {
    wasm: new Uint8Array(files.get("out.wasm") as Uint8Array),
    text: (files.get("out.wast") ?? "") as string,
    declarations: collector.declarations,
  };
}
