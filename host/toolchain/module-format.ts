/**
 * What a kernel module says about itself: the custom sections `wlp.module` and `wlp.data`.
 *
 * Idea: as with a patch, one record that builder, loader and `wlp inspect` agree on, made when the module is made.
 * Contract: JSON, `format` 1. The module's own functions have slots that the loader hands out, one after another in the
 * order of `functions`; its variables are the words of `state`, from the address that it imports as `state_base`.
 * Invariant: a module fits one kernel image, the one whose identity it names.
 */
import { MachineError } from "../errors.ts";
import type { DebugLine } from "./debug-lines.ts";
import type { AddedFunction, FrameRow, PatchInfo, SlotCall } from "./patch-format.ts";
import { DATA_SECTION } from "./sections.ts";

export const MODULE_FORMAT = 1;
export const MODULE_SECTION = "wlp.module";
/** The import that says where the module's variables are. */
export const STATE_BASE = "state_base";

export type ParameterType = "bool" | "i32" | "u32";

export interface ModuleParameter {
  readonly name: string;
  readonly type: ParameterType;
  /** Within the module's state. */
  readonly offset: number;
}

/** A function with a slot; the module exports it under its path, and its stubs as `slow:` and `trace:`. */
export interface OwnFunction extends AddedFunction {
  readonly bodyHash: string;
}

export interface ModuleInfo {
  readonly format: typeof MODULE_FORMAT;
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly description: string;
  /** Identity of the kernel image. */
  readonly kernel: string;
  readonly variant: PatchInfo["variant"];
  readonly functions: readonly OwnFunction[];
  /** Functions without a slot that static data points to; exported under their paths. */
  readonly added: readonly AddedFunction[];
  readonly rows: readonly FrameRow[];
  readonly calls: readonly SlotCall[];
  readonly data: PatchInfo["data"];
  /** What the variables start with, in words. */
  readonly state: readonly number[];
  readonly parameters: readonly ModuleParameter[];
  /** Calls of pr_debug(), each at its number within the module. */
  readonly debugLines: readonly DebugLine[];
  /** Path of init_module(). */
  readonly init: string;
  /** Path of cleanup_module(), or null: then the module stays for good. */
  readonly exit: string | null;
}

/** What is inside a compiled kernel module; refuses one that is none. */
export function readModule(module: WebAssembly.Module): { info: ModuleInfo; data: Uint8Array<ArrayBuffer> } {
  const [section] = WebAssembly.Module.customSections(module, MODULE_SECTION);
  const [data = new ArrayBuffer()] = WebAssembly.Module.customSections(module, DATA_SECTION);
  const info = section && parse(new TextDecoder().decode(section));
  if (info === undefined || info.format !== MODULE_FORMAT || info.data.bytes !== data.byteLength) {
    throw new MachineError(
      "NOT_A_MODULE",
      `the file is no kernel module of format ${MODULE_FORMAT}`,
      "Build it with this version's `wlp build --module`.",
    );
  }
  return { info, data: new Uint8Array(data) };
}

function parse(text: string): ModuleInfo | undefined {
  try {
    const value = JSON.parse(text) as ModuleInfo;
    const { functions, added, rows, calls, state, parameters, debugLines } = value;
    const lists: unknown[] = [functions, added, rows, calls, state, parameters, debugLines, value.data.relocations];
    const texts: unknown[] = [value.name, value.version, value.license, value.kernel, value.init];
    const whole = lists.every(Array.isArray) && texts.every((one) => typeof one === "string");
    return whole && value.variant && typeof value.data.bytes === "number" ? value : undefined;
  } catch {
    return undefined;
  }
}
