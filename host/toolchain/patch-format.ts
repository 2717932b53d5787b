/**
 * What a patch module says about itself: the custom sections `wlp.patch` and `wlp.data`.
 *
 * Idea: builder, loader and `wlp inspect` agree on one record, made when the module is made.
 * Contract: JSON, `format` 1; `k` is dense from 0 over the functions that the module holds, and a saved frame's id is
 * `frame_base + k`. A patch fits one kernel image, the one whose identity it names: slots and addresses are that
 * image's. Invariant: nothing here needs the compiler, so it can be read at run time and in a browser.
 */
import { MachineError } from "../errors.ts";
import { DATA_SECTION } from "./sections.ts";

export const PATCH_FORMAT = 1;
export const PATCH_SECTION = "wlp.patch";

/** Imports from "env" besides memory, table, Asyncify's globals and what the kernel itself imports. */
export const FRAME_BASE = "frame_base";
export const DATA_BASE = "data_base";
export const SLOT_PREFIX = "slot:";
export const PERCPU_PREFIX = "percpu:";
/** Before the path of a replaced function: the import of its version's table index, and the export of its slow stub. */
export const VERSION_PREFIX = "version:";
export const STUB_PREFIX = "slow:";

export type PatchModel = "kpatch" | "kgraft";
/** A model, or none: entries are swapped under everybody's feet, and frames of the old version may end in the new one. */
export type LoadModel = PatchModel | "none";
export type HookName = "pre_patch" | "post_patch" | "pre_unpatch" | "post_unpatch";

export interface Place {
  readonly file: string;
  readonly line: number;
}

/** Where the source of a kernel module lies beside `kernel/`: the beginning of its functions' paths. */
export const moduleFolder = (name: string): string => `modules/${name}/`;

/**
 * A function of the kernel, as the patch expects to find it. That of a kernel module has its slot as if the module had
 * the first spare ones.
 */
export interface KernelSymbol {
  readonly path: string;
  readonly name: string;
  readonly sympos: number;
  readonly signature: string;
  readonly slot: number;
}

/** A function that the patch replaces; exported under its path. */
export interface ReplacedFunction extends KernelSymbol, Place {
  /** Of the version that the patch was made against. */
  readonly bodyHash: string;
  readonly class: "sleepable" | "atomic";
  /** Goes in although it is in use. */
  readonly force: boolean;
  /** The patch brings a slow stub for it, from which a call of this version goes straight there. */
  readonly stub: boolean;
  readonly k: number;
}

/** A function that the kernel does not have; exported under its path. */
export interface AddedFunction extends Place {
  readonly path: string;
  readonly name: string;
  readonly signature: string;
  readonly class: "sleepable" | "atomic";
  readonly k: number;
}

/** A function of the module: replaced, added, or a copy of one that owns no slot. */
export interface FrameRow {
  readonly k: number;
  readonly path: string;
  readonly name: string;
  readonly signature: string;
  /** Bytes of a saved frame, 0 for a function that is never on a saved stack. */
  readonly frameSize: number;
  /** Slot of the kernel's function of this path, or 0. */
  readonly slot: number;
}

/** A call through a slot: the import is the slot's number. */
export interface SlotCall extends KernelSymbol {
  readonly import: string;
}

/** A word of the patch's data that is known only when it is loaded. */
export type Relocation =
  | { readonly offset: number; readonly kind: "data"; readonly addend: number }
  | { readonly offset: number; readonly kind: "slot"; readonly path: string; readonly slot: number }
  | { readonly offset: number; readonly kind: "added"; readonly path: string };

export interface PatchInfo {
  readonly format: typeof PATCH_FORMAT;
  readonly name: string;
  /** The model that its author wants, or null. */
  readonly model: PatchModel | null;
  /** The kernel module whose functions it replaces, or null: the kernel's own. */
  readonly object: string | null;
  /** Identity of the kernel image. */
  readonly kernel: string;
  readonly variant: { readonly debug: boolean; readonly stepped: boolean };
  readonly functions: readonly ReplacedFunction[];
  readonly added: readonly AddedFunction[];
  readonly rows: readonly FrameRow[];
  readonly calls: readonly SlotCall[];
  /** `data_base` must be a multiple of 16. */
  readonly data: { readonly bytes: number; readonly relocations: readonly Relocation[] };
  /** Paths of added functions. */
  readonly hooks: Readonly<Partial<Record<HookName, string>>>;
}

/** What is inside a compiled patch module; refuses one that is no patch. */
export function readPatch(module: WebAssembly.Module): { info: PatchInfo; data: Uint8Array<ArrayBuffer> } {
  const [section] = WebAssembly.Module.customSections(module, PATCH_SECTION);
  const [data = new ArrayBuffer()] = WebAssembly.Module.customSections(module, DATA_SECTION);
  const info = section && parse(new TextDecoder().decode(section));
  if (info === undefined || info.format !== PATCH_FORMAT || info.data.bytes !== data.byteLength) {
    const found = info === undefined ? `no readable section ${PATCH_SECTION}` : `format ${info.format}`;
    throw new MachineError(
      "NOT_A_PATCH",
      `the module is no patch of format ${PATCH_FORMAT}: ${found}, ${data.byteLength} bytes of data`,
      "Build it with this version's `wlp build`.",
    );
  }
  return { info, data: new Uint8Array(data) };
}

function parse(text: string): PatchInfo | undefined {
  try {
    const value = JSON.parse(text) as PatchInfo;
    const lists: unknown[] = [value.functions, value.added, value.rows, value.calls, value.data.relocations];
    const texts: unknown[] = [value.name, value.kernel];
    const known = value.object === null || typeof value.object === "string";
    const whole = known && lists.every(Array.isArray) && texts.every((one) => typeof one === "string");
    return whole && value.variant && value.hooks && typeof value.data.bytes === "number" ? value : undefined;
  } catch {
    return undefined;
  }
}
