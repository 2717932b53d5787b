/**
 * The place of a CPU: what stays while the CPU comes and goes.
 *
 * Idea: an instance of the kernel lives from power-on to power-off; the socket knows what every new one needs. Contract:
 * a CPU that is plugged in has all patches that are loaded, and its slots lead where those of the others do. Invariant:
 * patches are known here before any slot leads to them, whether the CPU is there or not.
 */
import { CPU_GONE, CPU_ON } from "../../kernel/abi.ts";
import { MACHINE, MACHINE_STRIDE, PERCPU_POWER } from "../../kernel/layout.ts";
import { cpuBlock } from "../memory.ts";
import type { SharedMemory } from "../memory.ts";
import { Cpu } from "./cpu.ts";
import type { CpuImages, CpuPlatform, PatchCode, SlotQuestion } from "./cpu.ts";

export class Socket {
  readonly id: number;
  readonly #memory: SharedMemory;
  readonly #images: CpuImages;
  readonly #platform: CpuPlatform;
  readonly #patches: PatchCode[] = [];
  #cpu: Cpu | undefined;

  constructor(id: number, memory: SharedMemory, images: CpuImages, platform: CpuPlatform) {
    this.id = id;
    this.#memory = memory;
    this.#images = images;
    this.#platform = platform;
  }

  /** Address of the word that says whether a CPU is wanted here; CPU_GONE while none is. */
  get power(): number {
    return cpuBlock(this.id) + PERCPU_POWER;
  }

  /** Whether the CPU has left, and none is wanted yet. */
  get isGone(): boolean {
    return this.#memory.load(this.power) === CPU_GONE;
  }

  /** A new instance, ready for init(). */
  plug(): Cpu {
    const cpu = new Cpu(this.id, this.#memory, this.#images, this.#platform);
    for (const patch of this.#patches) cpu.install(patch);
    cpu.adoptEntries(this.#memory.load(MACHINE + MACHINE_STRIDE));
    this.#memory.store(this.power, CPU_ON);
    this.#cpu = cpu;
    return cpu;
  }

  /** The CPU has left; its instance goes with it. */
  unplug(): void {
    this.#cpu = undefined;
  }

  install(code: PatchCode): void {
    this.#cpu?.install(code);
    this.#patches.push(code);
  }

  uninstall(indices: readonly number[]): void {
    this.#cpu?.uninstall(indices);
    const place = this.#patches.findIndex(({ entries }) => entries[0]?.[0] === indices[0]);
    if (place >= 0) this.#patches.splice(place, 1);
  }

  /** Where slots lead on this CPU, if it is there. */
  entries(questions: readonly SlotQuestion[]): number[] | undefined {
    return this.#cpu?.entries(questions);
  }
}
