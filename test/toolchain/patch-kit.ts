/** The mini kernel with a few functions more, patches of it, and what a loader does with one. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTwoFilesPatch } from "diff";
import type { KernelImage } from "../../host/toolchain/image.ts";
import { buildPatch } from "../../host/toolchain/patch.ts";
import type { PatchBuild, PatchImage } from "../../host/toolchain/patch.ts";
import { buildMini, MINI_ROOT } from "./mini.ts";
import type { MiniKernel } from "./mini.ts";

const MORE = `
@unmanaged class Pair { left: i32; right: i32; sum(): i32 { return this.left + this.right; } }
export function pair_sum(at: usize): i32 { return changetype<Pair>(at).sum(); }
const PRIMES: StaticArray<i32> = [2, 3, 5];
export function prime(index: i32): i32 {
  assert(index < 3, "no such prime");
  return unchecked(PRIMES[index]);
}
export function letters(): i32 { return "quiet".length; }
export function call_letters(): i32 { return letters() * 10; }
@notrace function helper(value: i32): i32 { return value + 1; }
export function helped(value: i32): i32 { return helper(value); }
export function negate(value: i32): i32 { return -value; }
@atomic export function anonymous(value: i32): i32 {
  const add: Operation = (value: i32): i32 => value + 40;
  return add(value);
}
export function is_asleep(): i32 { return asleep ? 1 : 0; }
`;

/** A text and what stands in its place. */
export type Edit = readonly [from: string, to: string];

export interface PatchKit {
  readonly root: string;
  readonly image: KernelImage;
  /** A diff of one file of the kernel, main.ts unless another is named. */
  diff(edits: readonly Edit[], file?: string): Promise<string>;
  build(edits: readonly Edit[], more?: Partial<PatchBuild>): Promise<PatchImage>;
  dispose(): Promise<void>;
}

/** A source folder with its image. */
export async function patchKit(variant: { debug?: boolean; stepped?: boolean } = {}): Promise<PatchKit> {
  const root = await mkdtemp(join(tmpdir(), "wlp-kit-"));
  await cp(MINI_ROOT, root, { recursive: true });
  const main = join(root, "kernel/main.ts");
  await writeFile(main, `${await readFile(main, "utf8")}${MORE}`);
  const image = await buildMini({ root, ...variant });
  const diff = async (edits: readonly Edit[], file = "kernel/main.ts"): Promise<string> => {
    const before = await readFile(join(root, file), "utf8");
    const after = edits.reduce((text, [from, to]) => {
      if (!text.includes(from)) throw new Error(`${file} does not hold ${from}`);
      return text.replace(from, () => to);
    }, before);
    return createTwoFilesPatch(`a/${file}`, `b/${file}`, before, after);
  };
  return {
    root,
    image,
    diff,
    build: async (edits, more = {}) =>
      buildPatch({
        root,
        diffs: [await diff(edits)],
        name: "test",
        base: image.map,
        baseData: image.data,
        optimizeLevel: 2,
        ...more,
      }),
    dispose: () => rm(root, { recursive: true }),
  };
}

export const FRAME_BASE = 1000;
const DATA_BASE = 12288;

/** Calls the version of a kernel function that its slot leads to. */
export function callSlot(kernel: MiniKernel, image: KernelImage, name: string, ...parameters: number[]): number {
  const row = image.map.functions.find((one) => one.name === name);
  return (kernel.table.get(row?.slot ?? 0) as (...parameters: number[]) => number)(...parameters);
}

/** Loads a patch into a kernel on one CPU, and points the replaced slots at it. */
export function load(kernel: MiniKernel, { wasm, info, data }: PatchImage): (path: string) => number {
  const slots = Object.fromEntries(info.calls.map((call) => [call.import, call.slot]));
  const hardware = { log: (value: number) => kernel.log.push(value), abort: () => kernel.log.push(-1) };
  const first = kernel.table.length;
  const indices = new Map([...info.functions, ...info.added].map(({ path }, k) => [path, first + k]));
  const versions = Object.fromEntries([...indices].map(([path, index]) => [`version:${path}`, index]));
  const places = { ...slots, ...versions, frame_base: FRAME_BASE, data_base: DATA_BASE };
  const env = { ...kernel.exports, ...hardware, ...places, memory: kernel.memory };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm), { env });
  kernel.table.grow(indices.size);
  for (const [path, index] of indices) kernel.table.set(index, exports[path] as never);
  new Uint8Array(kernel.memory.buffer).set(data, DATA_BASE);
  for (const word of info.data.relocations) {
    const at = (DATA_BASE + word.offset) / 4;
    if (word.kind === "data") kernel.words[at] = DATA_BASE + word.addend;
    else kernel.words[at] = word.kind === "slot" ? word.slot : indices.get(word.path)!;
  }
  for (const { slot, path } of info.functions) kernel.table.set(slot, kernel.table.get(indices.get(path)!));
  return (path) => indices.get(path)!;
}
