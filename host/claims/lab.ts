/**
 * Where a claim's experiments take place: machines that come up, are looked at, and go away again.
 *
 * Contract: `machine` hands out a fresh machine and shuts it down whatever happens; `observe` notes. Invariant: what
 * was noted stays noted, in order.
 */
import type { MachineOptions, Settings } from "../options.ts";
import { checkOptions } from "../options.ts";
import type { CallOptions } from "../abort.ts";
import { Machine } from "../machine.ts";
import { readImage } from "../platform/node/files.ts";
import { readMap } from "../toolchain/image.ts";
import type { Observation } from "./claim.ts";
import { Rig } from "./rig.ts";

export interface LabOptions {
  readonly machine: Pick<MachineOptions, "platform" | "cpus" | "seed" | "memoryMiB">;
  /** The module of patches/NAME for the image `variant`. */
  readonly patch: (name: string, variant: string) => Promise<Uint8Array>;
}

/** Enough for a task to move from one to the other. */
const CPUS = 2;
/** Microseconds between two ticks: often on the stepped platform, so that interrupts meet each step of a transition. */
const TICK_US: Readonly<Record<string, number>> = { threads: 1000, stepped: 100 };

export class Lab {
  readonly settings: Settings;
  readonly #patch: (name: string) => Promise<Uint8Array>;
  readonly #slots: ReadonlyMap<string, number>;
  readonly #options: CallOptions;
  readonly #observations: Observation[] = [];

  private constructor(
    settings: Settings,
    patch: (name: string) => Promise<Uint8Array>,
    slots: ReadonlyMap<string, number>,
    options: CallOptions,
  ) {
    this.settings = settings;
    this.#patch = patch;
    this.#slots = slots;
    this.#options = options;
  }

  static async open({ machine, patch }: LabOptions, options: CallOptions): Promise<Lab> {
    const { platform = "stepped", cpus = CPUS } = machine;
    // Only images with assertions record calls; the stepped one always has them.
    const debug = platform === "threads";
    const settings = checkOptions({ ...machine, platform, cpus, debug, tickUs: TICK_US[platform] });
    const variant = settings.platform === "stepped" ? "kernel-stepped" : "kernel-debug";
    const { bytes } = await readImage(variant);
    const map = readMap(new WebAssembly.Module(new Uint8Array(bytes)));
    const slots = new Map(map.functions.filter(({ slot }) => slot > 0).map(({ name, slot }) => [name, slot]));
    return new Lab(settings, (name) => patch(name, variant), slots, options);
  }

  async machine<T>(act: (rig: Rig) => Promise<T>): Promise<T> {
    const machine = await Machine.boot(this.settings, this.#options);
    try {
      return await act(new Rig(machine, this.#patch, this.#slots, this.#options));
    } finally {
      await machine.shutdown();
    }
  }

  observe(did: string, seen: string, asClaimed: boolean): void {
    this.#observations.push({ did, seen, asClaimed });
  }

  observations(): readonly Observation[] {
    return this.#observations;
  }
}
