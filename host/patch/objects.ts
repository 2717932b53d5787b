/**
 * Patches of functions of kernel modules: code and data go in when the module is there, and out with it.
 *
 * Idea: such a patch knows its table indices and its memory from the beginning, and the module's slots and variables only
 * once that is placed; the kernel asks for it by up-calls. Contract: a patch that was not made against the module that
 * came is refused (`takeRefusal` says why), and vetoes it. Invariant: between wake and sleep every CPU has its code.
 */
import {
  ENOENT,
  ENOEXEC,
  PATCH_FRAME_IDS,
  PATCH_FRAME_RANGE,
  UPCALL_OP_PATCH_SLEEP,
  UPCALL_OP_PATCH_WAKE,
} from "../../kernel/abi.ts";
import { MachineError } from "../errors.ts";
import type { Platform } from "../platform/platform.ts";
import { STATE_BASE } from "../toolchain/module-format.ts";
import type { ModuleInfo } from "../toolchain/module-format.ts";
import { DATA_BASE, FRAME_BASE } from "../toolchain/patch-format.ts";
import type { PatchInfo } from "../toolchain/patch-format.ts";
import type { Question, UpcallAnswer, Upcalls } from "../upcalls.ts";
import { blockBytes, layOut } from "./place.ts";
import type { Indices } from "./place.ts";
import type { VerifiedPatch } from "./verify.ts";
import { isOf } from "./well-formed.ts";

/** A kernel module as it lies in the machine. */
export interface PlacedModule {
  readonly info: ModuleInfo;
  readonly firstSlot: number;
  /** Address of its variables. */
  readonly state: number;
}

/** What there is of a patch before its module comes. */
export interface ObjectPatch {
  readonly patch: VerifiedPatch;
  readonly block: number;
  /** Table indices of its functions, in the order of the table. */
  readonly indices: Indices;
  /** It patches these slots from now on; none when it is dormant. */
  readonly moved: (slots: readonly number[]) => void;
}

const PATCH_BITS = 8;
const REBUILD = "Build it again, with the source of the module that is loaded: wlp build.";

export class ObjectPatches {
  readonly #platform: Platform;
  readonly #spareSlots: number;
  readonly #module: (number: number) => PlacedModule | undefined;
  readonly #patches = new Map<number, ObjectPatch>();
  #refusal: MachineError | undefined;

  constructor(
    platform: Platform,
    upcalls: Upcalls,
    kernel: { spareSlots: number; module: (number: number) => PlacedModule | undefined },
  ) {
    this.#platform = platform;
    this.#spareSlots = kernel.spareSlots;
    this.#module = kernel.module;
    upcalls.handle(UPCALL_OP_PATCH_WAKE, (question) => this.#wake(question));
    upcalls.handle(UPCALL_OP_PATCH_SLEEP, (question) => this.#sleep(question));
  }

  add(number: number, patch: ObjectPatch): void {
    this.#patches.set(number, patch);
  }

  delete(number: number): void {
    this.#patches.delete(number);
  }

  /** Why the last patch did not fit its module, once. */
  takeRefusal(): MachineError | undefined {
    const refusal = this.#refusal;
    this.#refusal = undefined;
    return refusal;
  }

  async #wake({ argument }: Question): Promise<UpcallAnswer> {
    const number = argument % (1 << PATCH_BITS);
    const known = this.#patches.get(number);
    const module = this.#module(argument >> PATCH_BITS);
    if (!known || !module) return { status: -ENOENT };
    const { block, indices } = known;
    try {
      checkFit(known.patch.info, module.info, this.#spareSlots);
    } catch (error) {
      if (!(error instanceof MachineError)) throw error;
      this.#refusal = error;
      return { status: -ENOEXEC };
    }
    const info = moveSlots(known.patch.info, module.firstSlot - this.#spareSlots);
    const patch = { ...known.patch, info };
    const layout = layOut(patch);
    const constants = {
      ...Object.fromEntries(info.calls.map((call) => [call.import, call.slot])),
      [FRAME_BASE]: PATCH_FRAME_IDS + number * PATCH_FRAME_RANGE,
      [DATA_BASE]: block + layout.dataOffset,
      [STATE_BASE]: module.state,
    };
    const entries = [...indices].map(([path, index]) => [index, path] as const);
    await this.#platform.install({ module: patch.module, entries, constants });
    known.moved(info.functions.map(({ slot }) => slot));
    return { status: 0, bytes: blockBytes(block, patch, layout, indices) };
  }

  async #sleep({ argument }: Question): Promise<UpcallAnswer> {
    const known = this.#patches.get(argument);
    if (known) {
      await this.#platform.uninstall([...known.indices.values()]);
      known.moved([]);
    }
    return { status: 0 };
  }
}

/** Refuses a patch that was made against another module than the one that is there. */
function checkFit(info: PatchInfo, module: ModuleInfo, spareSlots: number): void {
  const places = new Map(module.functions.map((row, index) => [row.path, { ...row, slot: spareSlots + index }]));
  for (const symbol of [...info.functions, ...info.calls]) {
    if (!isOf(info, symbol)) continue;
    const there = places.get(symbol.path);
    if (there?.slot !== symbol.slot) {
      throw new MachineError("UNKNOWN_FUNCTION", `module ${module.name} has no such ${symbol.path}`, REBUILD);
    }
    const hash = "bodyHash" in symbol ? symbol.bodyHash : there.bodyHash;
    if (there.bodyHash === hash && there.signature === symbol.signature) continue;
    throw new MachineError(
      "BODY_MISMATCH",
      `${symbol.name} (${symbol.path}) of the module that is loaded is not the function that the patch was made against`,
      REBUILD,
    );
  }
}

/** The record with the slots that the module really has. */
function moveSlots(info: PatchInfo, distance: number): PatchInfo {
  const moved = <T extends { path: string; slot: number }>(row: T): T =>
    isOf(info, row) && row.slot > 0 ? { ...row, slot: row.slot + distance } : row;
  const relocations = info.data.relocations.map((row) => (row.kind === "slot" ? moved(row) : row));
  return {
    ...info,
    functions: info.functions.map((row) => moved(row)),
    rows: info.rows.map((row) => moved(row)),
    calls: info.calls.map((row) => moved(row)),
    data: { ...info.data, relocations },
  };
}
