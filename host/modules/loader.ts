/**
 * The host's part of loading kernel modules: answers to what the kernel asks while it loads or unloads one.
 *
 *   check    its file ─► does it fit? name, memory and slots that it needs
 *   place    the memory and slots that it got ─► code on every CPU, and the bytes of the memory
 *   remove   its code leaves every CPU
 *
 * Contract: the kernel decides and undoes; `refusal` is why the last check failed, for callers outside the machine.
 * Invariant: between place and remove every CPU has the same entries.
 */
import {
  EINVAL,
  ENOENT,
  ENOEXEC,
  PATCH_FRAME_IDS,
  PATCH_FRAME_RANGE,
  UPCALL_OP_MODULE_CHECK,
  UPCALL_OP_MODULE_PLACE,
  UPCALL_OP_MODULE_REMOVE,
} from "../../kernel/abi.ts";
import {
  MAX_PATCHES,
  MODULE_FACTS_BYTES,
  MODULE_FACTS_NAME,
  MODULE_FACTS_NAME_LENGTH,
  MODULE_FACTS_SLOTS,
  WORD,
} from "../../kernel/layout.ts";
import { MachineError } from "../errors.ts";
import type { MachineErrorCode } from "../errors.ts";
import type { PlacedModule } from "../patch/objects.ts";
import type { Target } from "../patch/verify.ts";
import type { Platform } from "../platform/platform.ts";
import { DATA_BASE, FRAME_BASE, SLOT_PREFIX } from "../toolchain/patch-format.ts";
import { STATE_BASE } from "../toolchain/module-format.ts";
import type { Question, UpcallAnswer, Upcalls } from "../upcalls.ts";
import { layOutModule, moduleBytes, moduleEntries, slotCount, slotsOf } from "./place.ts";
import type { ModulePlace } from "./place.ts";
import { verifyModule } from "./verify.ts";
import type { VerifiedModule } from "./verify.ts";

interface Staged {
  readonly module: VerifiedModule;
  placed?: PlacedModule;
  /** Table indices that it has. */
  indices: readonly number[];
}

/** What the kernel answers to who gave it the file; ENOEXEC for others. */
const NUMBERS: Partial<Record<MachineErrorCode, number>> = { UNKNOWN_FUNCTION: ENOENT, MISSING_IMPORT: ENOENT };

export class ModuleLoader {
  readonly #platform: Platform;
  readonly #target: Target;
  readonly #staged = new Map<number, Staged>();
  #refusal: MachineError | undefined;

  constructor(platform: Platform, target: Target, upcalls: Upcalls) {
    this.#platform = platform;
    this.#target = target;
    upcalls.handle(UPCALL_OP_MODULE_CHECK, (question) => this.#check(question));
    upcalls.handle(UPCALL_OP_MODULE_PLACE, (question) => this.#place(question));
    upcalls.handle(UPCALL_OP_MODULE_REMOVE, (question) => this.#remove(question));
  }

  /** Why the last file did not fit, once. */
  takeRefusal(): MachineError | undefined {
    const refusal = this.#refusal;
    this.#refusal = undefined;
    return refusal;
  }

  /** The module of that number, once it has its memory and slots. */
  placed(number: number): PlacedModule | undefined {
    return this.#staged.get(number)?.placed;
  }

  /** The function of a loaded module that a frame id stands for. */
  functionOf(id: number): { name: string; version: string } | undefined {
    const number = Math.floor((id - PATCH_FRAME_IDS) / PATCH_FRAME_RANGE) - MAX_PATCHES;
    const info = this.#staged.get(number)?.module.info;
    const row = info?.rows[(id - PATCH_FRAME_IDS) % PATCH_FRAME_RANGE];
    return info && row && { name: row.name, version: info.name };
  }

  #check({ argument, bytes, room }: Question): UpcallAnswer {
    this.#refusal = undefined;
    try {
      const module = verifyModule(bytes, this.#target);
      const { info } = module;
      const name = new TextEncoder().encode(info.name);
      const facts = new Uint8Array(MODULE_FACTS_NAME + name.length);
      const view = new DataView(facts.buffer);
      view.setInt32(MODULE_FACTS_BYTES, layOutModule(module).bytes, true);
      view.setInt32(MODULE_FACTS_SLOTS, slotCount(module), true);
      view.setInt32(MODULE_FACTS_NAME_LENGTH, name.length, true);
      facts.set(name, MODULE_FACTS_NAME);
      this.#staged.set(argument, { module, indices: [] });
      return { status: 0, bytes: facts };
    } catch (error) {
      if (!(error instanceof MachineError)) throw error;
      this.#refusal = error;
      const text = new TextEncoder().encode(error.what).slice(0, room - 1);
      return { status: -(NUMBERS[error.code] ?? ENOEXEC), bytes: text };
    }
  }

  async #place({ argument, bytes }: Question): Promise<UpcallAnswer> {
    const staged = this.#staged.get(argument);
    if (!staged) return { status: -EINVAL };
    const { module } = staged;
    const words = new DataView(bytes.buffer);
    const block = words.getInt32(0, true);
    const place: ModulePlace = { block, firstSlot: words.getInt32(WORD, true), stride: this.#target.map.stride };
    const layout = layOutModule(module);
    const own = [...slotsOf(module, place)].map(([path, slot]) => [SLOT_PREFIX + path, slot]);
    const calls = module.info.calls.map((call) => [call.import, call.slot]);
    const firstId = PATCH_FRAME_IDS + (MAX_PATCHES + argument) * PATCH_FRAME_RANGE;
    const constants: Record<string, number> = {
      ...Object.fromEntries([...calls, ...own]),
      [FRAME_BASE]: firstId,
      [DATA_BASE]: block + layout.body + layout.patch.dataOffset,
      [STATE_BASE]: block + layout.state,
    };
    const entries = moduleEntries(module, place);
    staged.indices = entries.map(([index]) => index);
    staged.placed = { info: module.info, firstSlot: place.firstSlot, state: block + layout.state };
    const frameIds = module.info.functions.map(({ path, k }) => [path, firstId + k] as const);
    await this.#platform.install({ module: module.module, entries, constants, frameIds });
    return { status: 0, bytes: moduleBytes(module, layout, place) };
  }

  async #remove({ argument }: Question): Promise<UpcallAnswer> {
    const indices = this.#staged.get(argument)?.indices ?? [];
    this.#staged.delete(argument);
    if (indices.length > 0) await this.#platform.uninstall(indices);
    return { status: 0 };
  }
}
