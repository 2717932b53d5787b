/**
 * What a built image says about itself: the custom section `wlp.map`.
 *
 * Idea: kernel, host, tracer and patch builder agree on one table of functions, made when the image is made.
 * Contract: JSON, `format` 1; everything here is data that any reader may rely on.
 * Invariant: `id` is dense from 1 in the order of full names, so it is an index; a frame's last word is such an id.
 */
import type { DebugLine } from "./debug-lines.ts";
import type { DataBlock } from "./sections.ts";
import { decodeData, DATA_SECTION, MAP_SECTION } from "./sections.ts";

export const MAP_FORMAT = 1;

export interface Variant {
  readonly debug: boolean;
  readonly stepped: boolean;
  readonly hooks: boolean;
  readonly asyncify: "sleepable" | "none";
}

/** One function of an image. */
export interface FunctionRow {
  /** Version id; the last word of each saved frame of this function. */
  readonly id: number;
  /** Last part of the path. */
  readonly name: string;
  /** `kernel/sched/core/schedule`. */
  readonly path: string;
  /** 1-based place among functions of the same name, in order of ids. */
  readonly sympos: number;
  readonly signature: string;
  /** Table slot, or 0 for a function that owns none. */
  readonly slot: number;
  readonly class: "sleepable" | "atomic";
  readonly kind: "patchable" | "notrace" | "bare";
  /** Bytes of a saved frame, call index and id included; 0 for a function that is never on a saved stack. */
  readonly frameSize: number;
  readonly bodyHash: string;
  /** Address of the static record that pointers to it point to, or 0 when nobody takes its address. */
  readonly record: number;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface KernelMap {
  readonly format: typeof MAP_FORMAT;
  readonly variant: Variant;
  /** sha256 of the module without its own sections. */
  readonly identity: string;
  /** Table entries per region: slots, originals, slow stubs, trace stubs. */
  readonly stride: number;
  /** The first slot that no function of the image has: from there to the stride they are loaded modules'. */
  readonly spareSlots: number;
  /** First byte behind static data. */
  readonly staticEnd: number;
  readonly functions: readonly FunctionRow[];
  readonly sourceMap: string;
  /** sha256 of the kernel's source files. */
  readonly source: string;
  /** Digest of each module-level constant that is an array or a record, by its path. */
  readonly statics: Readonly<Record<string, string>>;
  /** Fields, places and size of each class, by its path. */
  readonly layouts: Readonly<Record<string, string>>;
  /** Calls of pr_debug(), each at its number. */
  readonly debugLines: readonly DebugLine[];
  /** Mutable globals, one per CPU; the image exports each as `percpu:<path>`. */
  readonly percpu: readonly string[];
}

export interface KernelImage {
  readonly wasm: Uint8Array<ArrayBuffer>;
  /** JSON, or empty when the image was built without one. */
  readonly sourceMap: string;
  readonly map: KernelMap;
  readonly data: readonly DataBlock[];
}

/** The map inside a compiled image. */
export function readMap(module: WebAssembly.Module): KernelMap {
  const [section] = WebAssembly.Module.customSections(module, MAP_SECTION);
  return JSON.parse(new TextDecoder().decode(section ?? new ArrayBuffer())) as KernelMap;
}

/** The static data inside a compiled image. */
export function readData(module: WebAssembly.Module): DataBlock[] {
  return WebAssembly.Module.customSections(module, DATA_SECTION).flatMap((section) => decodeData(section));
}
