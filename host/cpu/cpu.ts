/**
 * One CPU: an instance of the kernel, one of the user image, one table, over the machine's memory.
 *
 * Idea: `run` is a turn: cpu_run() until it needs the host. A trap ends a turn too; it costs the task that trapped,
 * or the machine. Contract: `run` gives an EXIT_* that the platform handles; traps never leave it. Invariant: user
 * programs have the same table indices on every CPU, because tasks move and take them along.
 */
import { EXIT_PANIC, EXIT_STEP, TRAP_IN_KERNEL, TRAP_PANIC, TRAP_STACK } from "../../kernel/abi.ts";
import {
  EMERGENCY,
  EMERGENCY_SIZE,
  KLP_ENTRIES,
  MACHINE,
  MACHINE_PANIC_CPU,
  PERCPU_CURRENT,
  TASK_NAME,
  TASK_NAME_SIZE,
  TASK_PID,
  WORD,
} from "../../kernel/layout.ts";
import { MachineError } from "../errors.ts";
import { cpuBlock } from "../memory.ts";
import type { SharedMemory } from "../memory.ts";
import { describeStack, isInUserCode } from "./backtrace.ts";
import type { Locate } from "./backtrace.ts";
import { callerOf } from "./caller.ts";
import type { KernelExports, KernelImports, SelftestExports } from "./exports.ts";

/** What is the same on every CPU; it crosses to a worker as it is. */
export interface CpuImages {
  readonly kernel: WebAssembly.Module;
  readonly user: WebAssembly.Module;
  /** Exports of the user image, in the order of the program table. */
  readonly programs: readonly string[];
  /** Table index of the first of them. */
  readonly firstProgram: number;
  /** Frame ids of functions by the names that the engine prints: what a trace says of callers. */
  readonly frameIds: ReadonlyMap<string, number>;
}

/** A patch or kernel module as CPUs take it; it crosses to a worker as it is. */
export interface PatchCode {
  readonly module: WebAssembly.Module;
  /** Which export goes to which table index. */
  readonly entries: readonly (readonly [index: number, name: string])[];
  /** Immutable i32 imports: slots, addresses, the first frame id. */
  readonly constants: Readonly<Record<string, number>>;
  /** Frame ids of functions that the kernel itself does not have, for who asks who called. */
  readonly frameIds?: readonly (readonly [path: string, id: number])[];
}

/** Where does a slot lead? A table can only be asked for identity, so the question names the places to look at. */
export interface SlotQuestion {
  readonly slot: number;
  readonly candidates: readonly number[];
}

/** What a platform gives a CPU. */
export interface CpuPlatform {
  /** Nanoseconds since boot. */
  readonly clockNs: () => number;
  /** Stepped images only: whether another CPU gets its turn at this step point. */
  readonly step: (kind: number) => number;
  readonly locate: Locate;
}

/** Frames that the engine keeps of a trap: all, for only the lowest tells the kernel's module from the user's. */
const BACKTRACE_FRAMES = 1_000_000;

export class Cpu {
  readonly id: number;
  readonly #kernel: KernelExports & SelftestExports;
  readonly #memory: SharedMemory;
  readonly #locate: Locate;
  /** What the kernel imports; patches may import it too. */
  readonly #env: KernelImports;
  /** Frame ids by path, of the kernel and of the modules that it has or had. */
  readonly #frameIds: Map<string, number>;

  constructor(id: number, memory: SharedMemory, images: CpuImages, platform: CpuPlatform) {
    this.id = id;
    this.#memory = memory;
    this.#locate = platform.locate;
    this.#frameIds = new Map(images.frameIds);
    const trace_caller = callerOf(this.#frameIds);
    this.#env = {
      memory: memory.memory,
      clock_ns: platform.clockNs,
      step: platform.step,
      trace_caller,
      backtrace: (address, room) => this.#backtrace(address, room),
    };
    this.#kernel = new WebAssembly.Instance(images.kernel, { env: this.#env }).exports as KernelExports;
    this.#addPrograms(images);
  }

  /** Makes the instance this CPU. CPU 0 boots the machine with it; the others wait until that is done. */
  init(): void {
    this.#kernel.cpu_init(this.id);
    if (this.id !== 0) return;
    this.#kernel.selftests_register?.();
    this.#kernel.boot();
  }

  /** A turn; gives why it ended. */
  run(): number {
    const frames = Error.stackTraceLimit;
    Error.stackTraceLimit = BACKTRACE_FRAMES;
    try {
      return this.#kernel.cpu_run();
    } catch (error) {
      if (!isTrap(error)) throw error;
      return this.#trapped(error);
    } finally {
      Error.stackTraceLimit = frames;
    }
  }

  /** Counts this CPU into a stop; true when it was the last, and the work is done. */
  enterStop(): boolean {
    return this.#kernel.stop_enter() !== 0;
  }

  /** After the decision of a stop: changes this CPU's entries, and counts it out. */
  leaveStop(): void {
    this.#kernel.stop_leave();
  }

  /** For an instance that starts later than others: its slots lead where theirs do. */
  adoptEntries(stride: number): void {
    const { table } = this.#kernel;
    for (let slot = 1; slot < stride; slot++) {
      const index = this.#memory.load(KLP_ENTRIES + slot * WORD); // written when all CPUs were told to change it
      if (index !== 0) table.set(slot, table.get(index));
    }
  }

  /** Instantiates a patch and puts its functions into the table; no slot changes by that. */
  install(code: PatchCode): void {
    const constant = (value: number): WebAssembly.Global => new WebAssembly.Global({ value: "i32" }, value);
    const constants = Object.entries(code.constants).map(([name, value]) => [name, constant(value)]);
    const env = { ...this.#kernel, ...this.#env, ...Object.fromEntries(constants) };
    const exports = link(code.module, env);
    const { table } = this.#kernel;
    const length = Math.max(0, ...code.entries.map(([index]) => index + 1));
    if (table.length < length) table.grow(length - table.length);
    for (const [index, name] of code.entries) table.set(index, exports[name]);
    for (const [path, id] of code.frameIds ?? []) this.#frameIds.set(path, id);
  }

  /** Takes a patch's functions out of the table; the instance goes with them. */
  uninstall(indices: readonly number[]): void {
    const { table } = this.#kernel;
    // One that could not be instantiated never got as far as the table.
    for (const index of indices) if (index < table.length) table.set(index, null);
  }

  /** For each slot the index among its candidates that holds the same function, or -1. */
  entries(questions: readonly SlotQuestion[]): number[] {
    const { table } = this.#kernel;
    return questions.map(({ slot, candidates }) => {
      const entry = table.get(slot) as unknown;
      return candidates.find((index) => index < table.length && table.get(index) === entry) ?? -1;
    });
  }

  #addPrograms({ user, programs, firstProgram }: CpuImages): void {
    const { memory } = this.#memory;
    const { syscall, user_safepoint, stack_end_hit, window_base, __asyncify_state, __asyncify_data, table } =
      this.#kernel;
    const env = { memory, syscall, user_safepoint, stack_end_hit, window_base, __asyncify_state, __asyncify_data };
    const { exports } = new WebAssembly.Instance(user, { env });
    const length = firstProgram + programs.length;
    if (table.length < length) table.grow(length - table.length);
    programs.forEach((name, index) => table.set(firstProgram + index, exports[name]));
  }

  /**
   * Has the kernel say in its log what trapped, and adds where. The kernel is told first: until then its Asyncify state
   * is that of the lost stack, and no kernel function that may sleep can run. A panic on another CPU traps here only to
   * end this one.
   */
  #trapped(error: Error): number {
    const memory = this.#memory;
    const stack = error.stack ?? "";
    const task = memory.load(cpuBlock(this.id) + PERCPU_CURRENT);
    const name = `${memory.zeroEnded(task + TASK_NAME, TASK_NAME_SIZE)}[${memory.load(task + TASK_PID)}]`;
    const lost = memory.load(MACHINE + MACHINE_PANIC_CPU);
    // Before the kernel is told: from then on other CPUs wait that have something to log.
    const lines = lost === 0 || lost === this.id + 1 ? describeStack(stack, this.#locate) : [];
    const about = (isInUserCode(stack) ? 0 : TRAP_IN_KERNEL) | (error instanceof RangeError ? TRAP_STACK : 0);
    const trap = this.#kernel.cpu_trap(about, ...this.#text(error.message));
    if (trap === TRAP_PANIC) {
      if (memory.load(MACHINE + MACHINE_PANIC_CPU) !== this.id + 1) return EXIT_PANIC;
      this.#log(`CPU ${this.id} was running ${name}`);
    }
    for (const line of lines) this.#log(line);
    return this.#kernel.trap_end(trap) === 0 ? EXIT_STEP : EXIT_PANIC;
  }

  /** What is on this CPU's stack, for the kernel to log: nothing of the host's may run on top of that stack. */
  #backtrace(address: number, room: number): number {
    const text = describeStack(new Error().stack ?? "", this.#locate).join("\n");
    const bytes = new TextEncoder().encode(text).subarray(0, room);
    this.#memory.bytes.set(bytes, address);
    return bytes.length;
  }

  /** A line of the host's in the kernel's log. */
  #log(line: string): void {
    this.#kernel.log_text(...this.#text(line));
  }

  /** Text where the kernel can read it, in the emergency buffer, which is free between turns. */
  #text(text: string): [address: number, length: number] {
    const address = EMERGENCY + this.id * EMERGENCY_SIZE;
    const bytes = new TextEncoder().encode(text).subarray(0, EMERGENCY_SIZE);
    this.#memory.bytes.set(bytes, address);
    return [address, bytes.length];
  }
}

function link(module: WebAssembly.Module, env: WebAssembly.ModuleImports): WebAssembly.Exports {
  try {
    return new WebAssembly.Instance(module, { env }).exports;
  } catch (cause) {
    throw new MachineError(
      "MISSING_IMPORT",
      `the patch does not fit what the kernel exports: ${String(cause)}`,
      "Build the patch again, from its diff, for this kernel: wlp build.",
      { cause },
    );
  }
}

/** RangeError is what an engine throws when its own stack is full. */
function isTrap(error: unknown): error is Error {
  return error instanceof WebAssembly.RuntimeError || error instanceof RangeError;
}
