/** The mini kernel of fixtures/mini, built and instantiated: what the tests of the pipeline run. */
import { fileURLToPath } from "node:url";
import type { KernelImage } from "../../host/toolchain/image.ts";
import { buildKernel } from "../../host/toolchain/kernel.ts";
import type { KernelBuild } from "../../host/toolchain/kernel.ts";

export const MINI_ROOT: string = fileURLToPath(new URL("fixtures/mini", import.meta.url));
/** The word behind the task record from which the mini kernel's stubs take their region. */
export const REGION_WORD = (1024 + 64) / 4;

export const MINI: KernelBuild = {
  root: MINI_ROOT,
  entries: ["kernel/main.ts"],
  debug: false,
  stepped: false,
  hooks: true,
  asyncify: "sleepable",
  optimizeLevel: 2,
  mapName: "",
};

export interface MiniKernel {
  readonly log: number[];
  readonly memory: WebAssembly.Memory;
  readonly words: Int32Array;
  readonly table: WebAssembly.Table;
  readonly exports: WebAssembly.Exports;
  call(name: string, ...parameters: number[]): number;
  /** Runs `task` to its end, through as many sleeps as it takes. */
  run(value: number): { result: number; sleeps: number };
}

export const buildMini = (options: Partial<KernelBuild> = {}): Promise<KernelImage> =>
  buildKernel({ ...MINI, ...options });

/** One CPU with the image's static data in place. */
export function boot(image: KernelImage): MiniKernel {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true });
  const bytes = new Uint8Array(memory.buffer);
  for (const block of image.data) bytes.set(block.bytes, block.address);
  const log: number[] = [];
  const env = { memory, log: (value: number) => log.push(value), abort: () => log.push(-1) };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(image.wasm), { env });
  const call = (name: string, ...parameters: number[]): number =>
    (exports[name] as (...parameters: number[]) => number)(...parameters);
  return {
    log,
    memory,
    words: new Int32Array(memory.buffer),
    table: exports["table"] as WebAssembly.Table,
    exports,
    call,
    run(value) {
      let result = call("begin", value);
      let sleeps = 0;
      for (; result === -1; sleeps++) result = call("resume");
      return { result, sleeps };
    },
  };
}
