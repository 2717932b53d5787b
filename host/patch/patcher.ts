/**
 * Loading, enabling, disabling and unloading patches of one machine.
 *
 * Idea: the kernel decides and its livepatchd acts; this is the loader that puts code and data where both find them.
 * Order of a load: verify, memory from the kernel, rows and data, code into every CPU's table (acknowledged), then the
 * patch is known to the kernel; only then may a model start. Invariant: a step that fails takes back those before it.
 */
import {
  EBUSY,
  ECANCELED,
  EEXIST,
  EINVAL,
  ENOENT,
  MAIL_OP_KLP_BLOCKERS,
  MAIL_OP_KLP_DISABLE,
  MAIL_OP_KLP_ENABLE,
  MAIL_OP_KLP_LOAD,
  MAIL_OP_KLP_SIGNAL,
  MAIL_OP_KLP_STATUS,
  MAIL_OP_KLP_UNLOAD,
  PATCH_FRAME_IDS,
  PATCH_FRAME_RANGE,
} from "../../kernel/abi.ts";
import { MACHINE, MACHINE_KLP_SEQUENCE, MAX_PATCHES } from "../../kernel/layout.ts";
import { refuseAborted } from "../abort.ts";
import type { CallOptions } from "../abort.ts";
import { allocate, release } from "../block.ts";
import { succeeded } from "../errno.ts";
import { MachineError } from "../errors.ts";
import type { Mailbox } from "../mailbox.ts";
import type { SharedMemory } from "../memory.ts";
import type { Platform } from "../platform/platform.ts";
import { DATA_BASE, FRAME_BASE, STUB_PREFIX, VERSION_PREFIX } from "../toolchain/patch-format.ts";
import type { LoadModel, PatchInfo } from "../toolchain/patch-format.ts";
import { describePatch } from "./descriptor.ts";
import type { ObjectPatches } from "./objects.ts";
import { blockBytes, layOut } from "./place.ts";
import type { Indices } from "./place.ts";
import { MODELS, verifyPatch } from "./verify.ts";
import type { Target, VerifiedPatch } from "./verify.ts";

export interface LoadOptions extends CallOptions {
  /** Which consistency model; the patch's own without. `none` is for experiments that show why there are models. */
  readonly model?: LoadModel;
  /** kpatch: how often to try while a function is in use. Default 5. */
  readonly attempts?: number;
  /** Machine time between two tries, in seconds. Default 0.01. */
  readonly retrySeconds?: number;
  /** Functions (by name) that go in although they are in use. */
  readonly force?: readonly string[];
  /** Do not wait for the end of a transition. A caller whose `signal` ends the wait leaves it under way, too. */
  readonly noWait?: boolean;
  /** Called with the kernel's report each time a stack check refuses. */
  readonly onRefused?: (report: string, attempt: number) => void | Promise<void>;
}

/** A patch in the machine. */
export interface LoadedPatch {
  readonly name: string;
  readonly number: number;
  readonly model: LoadModel;
  /** The kernel module whose functions it replaces, or null: the kernel's own. */
  readonly object: string | null;
  /** Names of the replaced functions. */
  readonly functions: readonly string[];
  /** Their slots; none while their module is not loaded. */
  readonly slots: readonly number[];
  /** Table index of the first of its functions, on every CPU. */
  readonly firstIndex: number;
  /** Path of one of its files in /sys, which are there while it is enabled. */
  path(file: string): string;
}

interface Place extends LoadedPatch {
  /** Table index of each replaced function's own slow stub, or 0. */
  readonly stubs: readonly number[];
  readonly block: number;
  readonly count: number;
  /** Names of all functions that it brings, by frame id from its first. */
  readonly rows: readonly string[];
}

/** KLP_STATE_* by number. */
const STATES = ["none", "loaded", "enabling", "enabled", "disabling", "unloading"] as const;
export type PatchState = (typeof STATES)[number];
/** No request is under way for the patch. */
const RESTING: ReadonlySet<PatchState> = new Set<PatchState>(["none", "loaded", "enabled"]);

/** What the kernel says of a patch and of the request under way. */
export interface PatchStatus {
  readonly state: PatchState;
  readonly result: number;
  /** Tasks that have not moved yet. */
  readonly remaining: number;
}

const SEQUENCE = MACHINE + MACHINE_KLP_SEQUENCE;
const ATTEMPTS = 5;
const RETRY_SECONDS = 0.01;

export class Patcher {
  readonly #memory: SharedMemory;
  readonly #platform: Platform;
  readonly #mailbox: Mailbox;
  readonly #target: Target;
  readonly #firstFree: number;
  readonly #objects: ObjectPatches;
  readonly #places = new Map<number, Place>();

  constructor(machine: {
    memory: SharedMemory;
    platform: Platform;
    mailbox: Mailbox;
    target: Target;
    firstFree: number;
    objects: ObjectPatches;
  }) {
    this.#memory = machine.memory;
    this.#platform = machine.platform;
    this.#mailbox = machine.mailbox;
    this.#target = machine.target;
    this.#firstFree = machine.firstFree;
    this.#objects = machine.objects;
  }

  /** Patches that are loaded, oldest first. */
  list(): LoadedPatch[] {
    return [...this.#places.values()];
  }

  /** The function of a loaded patch that a frame id stands for. */
  functionOf(id: number): { name: string; version: string } | undefined {
    const place = this.#places.get(Math.floor((id - PATCH_FRAME_IDS) / PATCH_FRAME_RANGE));
    const name = place?.rows[(id - PATCH_FRAME_IDS) % PATCH_FRAME_RANGE];
    return place && name !== undefined ? { name, version: place.name } : undefined;
  }

  /** What loaded patches have for a slot, by table index: `stub`, or the patch whose version it is. */
  entriesFor(slot: number): Map<number, string> {
    const found = new Map<number, string>();
    for (const { name, slots, firstIndex, stubs } of this.#places.values()) {
      const place = slots.indexOf(slot);
      if (place < 0) continue;
      found.set(firstIndex + place, name);
      if (stubs[place]) found.set(stubs[place], "stub");
    }
    return found;
  }

  /** Verifies, places and enables; resolves when every task runs the new code, unless `noWait`. */
  async load(bytes: Uint8Array, options: LoadOptions): Promise<LoadedPatch> {
    const patch = verifyPatch(bytes, this.#target);
    const model = options.model ?? patch.info.model;
    if (!model || !Object.hasOwn(MODELS, model)) {
      throw new MachineError(
        "BAD_OPTION",
        `patch ${patch.info.name} has model ${String(model)}`,
        "Give model as kpatch or kgraft.",
      );
    }
    await this.#refuseDuringTransition(options);
    const place = await this.#put(patch, model, options);
    try {
      await this.enable(place, options);
    } catch (error) {
      // What a caller who gave up began goes on without him.
      if ((await this.status(place, {})).state === "loaded") await this.unload(place, {});
      throw error;
    }
    return place;
  }

  enable(patch: LoadedPatch, options: LoadOptions): Promise<void> {
    return this.#insist(MAIL_OP_KLP_ENABLE, patch, options);
  }

  disable(patch: LoadedPatch, options: LoadOptions): Promise<void> {
    return this.#insist(MAIL_OP_KLP_DISABLE, patch, options);
  }

  async #insist(op: number, patch: LoadedPatch, options: LoadOptions): Promise<void> {
    const attempts = patch.model === "kpatch" ? (options.attempts ?? ATTEMPTS) : 1;
    for (let attempt = 1; ; attempt++) {
      const result = await this.#carryOut(op, patch, options);
      if (result === 0) return;
      await this.#refused(patch, result, attempt, attempts, options);
    }
  }

  /** Takes a disabled patch out of the machine: slots, versions, memory. */
  async unload(patch: LoadedPatch, options: CallOptions): Promise<void> {
    const place = this.#placeOf(patch);
    refuseAborted(options.signal);
    const result = await this.#carryOut(MAIL_OP_KLP_UNLOAD, place, {}); // it does not last: one look at all stacks
    if (result !== 0) {
      throw new MachineError(
        "PATCH_IN_USE",
        `a stack still holds frames of patch ${patch.name}`,
        "Wait until its tasks have returned, or signal them; then unload again.",
      );
    }
    await this.#takeAway(place);
  }

  /** Pokes user tasks that have not moved; how many. */
  async signal(options: CallOptions): Promise<number> {
    return (await this.#mailbox.request(MAIL_OP_KLP_SIGNAL, "", 0, options)).status;
  }

  /** Who blocks, with stacks: during a transition the tasks that have not moved, else the last refusal. */
  async blockers(options: CallOptions): Promise<string> {
    return new TextDecoder().decode((await this.#mailbox.request(MAIL_OP_KLP_BLOCKERS, "", 0, options)).bytes);
  }

  async status(patch: Pick<LoadedPatch, "number">, options: CallOptions): Promise<PatchStatus> {
    const { bytes } = await this.#mailbox.request(MAIL_OP_KLP_STATUS, "", patch.number, options);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return {
      state: STATES[view.getInt32(0, true)] ?? "none",
      result: view.getInt32(4, true),
      remaining: view.getInt32(8, true),
    };
  }

  /** Waits until the request under way for `patch` is over; gives its result. */
  async settled(patch: Pick<LoadedPatch, "number">, options: CallOptions): Promise<number> {
    for (;;) {
      // Read before the status: a change in between is seen by the wait below.
      const sequence = this.#memory.load(SEQUENCE);
      const { state, result } = await this.status(patch, options);
      if (RESTING.has(state)) return state === "none" ? 0 : result;
      await this.#platform.change(SEQUENCE, sequence, options.signal);
    }
  }

  async #carryOut(op: number, patch: LoadedPatch, options: LoadOptions): Promise<number> {
    this.#placeOf(patch);
    const { status } = await this.#mailbox.request(op, "", patch.number, options);
    if (status === -EBUSY) throw busy(patch.name);
    if (status === -EEXIST) {
      throw new MachineError(
        "PATCH_STATE",
        `a patch named ${patch.name} is enabled already`,
        "Unload it first, or build this one with another --name.",
      );
    }
    if (status === -EINVAL || status === -ENOENT) {
      throw new MachineError(
        "PATCH_STATE",
        `patch ${patch.name} is not in a state for that`,
        "Enable a loaded patch, disable an enabled one, unload a disabled one.",
      );
    }
    succeeded(status, `patch ${patch.name}`);
    return options.noWait ? 0 : this.settled(patch, options);
  }

  async #refused(
    patch: LoadedPatch,
    result: number,
    attempt: number,
    attempts: number,
    options: LoadOptions,
  ): Promise<void> {
    if (result === -ECANCELED) {
      throw new MachineError(
        "PATCH_REVERSED",
        `patch ${patch.name}: somebody turned the transition around`,
        `Look at ${patch.path("enabled")}, and agree with them.`,
      );
    }
    const report = await this.blockers(options);
    if (result !== -EBUSY) {
      throw new MachineError(
        "HOOK_REFUSED",
        `the pre-patch hook of ${patch.name} refused with ${result}`,
        "Ask the patch's author what the hook wants.",
      );
    }
    await options.onRefused?.(report, attempt);
    if (attempt >= attempts) {
      throw new MachineError(
        "FUNCTION_IN_USE",
        `patch ${patch.name}: ${attempts} attempts, the last one: ${report.trimEnd()}`,
        "Try again when the task has left the function, use the kgraft model, or force the function if that is safe.",
      );
    }
    await this.#platform.pass(options.retrySeconds ?? RETRY_SECONDS, options.signal);
  }

  async #refuseDuringTransition(options: CallOptions): Promise<void> {
    for (const place of this.#places.values()) {
      const { state } = await this.status(place, options);
      if (!RESTING.has(state)) throw busy(place.name);
    }
  }

  #placeOf(patch: LoadedPatch): Place {
    const place = this.#places.get(patch.number);
    if (place?.name === patch.name) return place;
    throw new MachineError(
      "NOT_LOADED",
      `patch ${patch.name} is not loaded`,
      "machine.patches() lists those that are.",
    );
  }

  async #put(patch: VerifiedPatch, model: LoadModel, options: LoadOptions): Promise<Place> {
    const { info, sleeping } = patch;
    const number = this.#freeNumber();
    const entries = entriesOf(info);
    const firstIndex = this.#freeIndices(entries.length);
    const indices = new Map(entries.map((name, k) => [name, firstIndex + k]));
    const layout = layOut(patch);
    const block = await allocate(this.#mailbox, layout.bytes, `memory for patch ${info.name}`, options);
    const place: Place = {
      name: info.name,
      number,
      model,
      object: info.object,
      functions: info.functions.map(({ name }) => name),
      slots: info.object === null ? info.functions.map(({ slot }) => slot) : [],
      block,
      firstIndex,
      stubs: info.functions.map(({ path }) => indices.get(STUB_PREFIX + path) ?? 0),
      count: entries.length,
      rows: info.rows.map(({ name }) => name),
      path: (file) => `/sys/kernel/livepatch/${info.name}/${file}`,
    };
    this.#places.set(number, place);
    try {
      const force = new Set(options.force);
      const descriptor = describePatch(info, { number, model: MODELS[model], rows: block, indices, force, sleeping });
      if (info.object === null) await this.#install(patch, place, indices);
      else {
        const moved = (slots: readonly number[]): void => void this.#places.set(number, { ...place, slots });
        this.#objects.add(number, { patch, block, indices, moved });
      }
      const { status } = await this.#mailbox.request(MAIL_OP_KLP_LOAD, descriptor, 0, {});
      const refusal = status < 0 ? this.#objects.takeRefusal() : undefined;
      if (refusal) throw refusal;
      succeeded(status, `patch ${info.name}`);
    } catch (error) {
      await this.#takeAway(place);
      throw error;
    }
    return this.#placeOf(place);
  }

  /** Rows and data into memory, code into every CPU's table. */
  async #install(patch: VerifiedPatch, { number, block }: Place, indices: Indices): Promise<void> {
    const layout = layOut(patch);
    this.#memory.bytes.set(blockBytes(block, patch, layout, indices), block);
    const constants = {
      ...Object.fromEntries(patch.info.calls.map((call) => [call.import, call.slot])),
      [FRAME_BASE]: PATCH_FRAME_IDS + number * PATCH_FRAME_RANGE,
      [DATA_BASE]: block + layout.dataOffset,
      ...Object.fromEntries(patch.info.functions.map(({ path }) => [VERSION_PREFIX + path, indices.get(path) ?? 0])),
    };
    const entries = [...indices].map(([path, index]) => [index, path] as const);
    await this.#platform.install({ module: patch.module, entries, constants });
  }

  async #takeAway(place: Place): Promise<void> {
    this.#places.delete(place.number);
    this.#objects.delete(place.number);
    await this.#platform.uninstall(Array.from({ length: place.count }, (_, k) => place.firstIndex + k));
    await release(this.#mailbox, place.block, `memory of patch ${place.name}`);
  }

  #freeNumber(): number {
    for (let number = 0; number < MAX_PATCHES; number++) if (!this.#places.has(number)) return number;
    throw new MachineError("PATCH_ROOM", `${MAX_PATCHES} patches are loaded`, "Unload one first.");
  }

  /** First gap in the table that is wide enough. */
  #freeIndices(count: number): number {
    let first = this.#firstFree;
    for (const place of [...this.#places.values()].toSorted((left, right) => left.firstIndex - right.firstIndex)) {
      if (place.firstIndex - first >= count) break;
      first = place.firstIndex + place.count;
    }
    return first;
  }
}

/** What of a patch comes into the table: exports by name, the replaced functions first. */
function entriesOf({ functions, added }: PatchInfo): string[] {
  const stubs = functions.flatMap(({ stub, path }) => (stub ? [STUB_PREFIX + path] : []));
  return [...functions.map(({ path }) => path), ...added.map(({ path }) => path), ...stubs];
}

function busy(name: string): MachineError {
  return new MachineError(
    "PATCH_BUSY",
    `patch ${name}: another patching is not finished, a newer patch lies on top, tracing is off, or a probe redirects one of its functions`,
    "Wait for the transition, take the newer patch off first, set kernel.ftrace_enabled to 1, or unload the module with the probe.",
  );
}
