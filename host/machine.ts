/**
 * A machine: the one class that command line, tests, benchmarks and pages use.
 *
 * Idea: boot builds everything in order (options, images, handshake, memory, CPUs); then every method is a request to
 * the kernel or a look at its memory. Contract: every method rejects with MachineError, takes an AbortSignal, and
 * settles even when a CPU died. Invariant: a machine that failed or was shut down refuses with the reason; what only
 * looks at its memory still works: log(), cpuState(), counters() and their like.
 */
import {
  CPU_UP,
  EAGAIN,
  MAIL_OP_AUDIT,
  MAIL_OP_CPU,
  MAIL_OP_KILL,
  MAIL_OP_SELFTEST,
  MAIL_OP_SPAWN,
  MAIL_OP_WAIT,
  SIGTERM,
} from "../kernel/abi.ts";
import { MACHINE, MACHINE_REAPABLE } from "../kernel/layout.ts";
import { abortable, refuseAborted } from "./abort.ts";
import type { CallOptions } from "./abort.ts";
import { loadKernelImage, loadUserImage, makeUserImage, refuseWithoutSelftests } from "./boot/images.ts";
import { kernelSource } from "./boot/kernel-source.ts";
import { cpuImages, place, write } from "./boot/placement.ts";
import type { TracedCalls } from "./check/oracle.ts";
import { slotEntries } from "./check/slots.ts";
import { execLine } from "./console/exec.ts";
import type { ExecOptions, ExecResult } from "./console/exec.ts";
import { Terminal } from "./console/terminal.ts";
import type { TerminalHost } from "./console/terminal.ts";
import { readCpuState } from "./cpu/state.ts";
import type { CpuState } from "./cpu/state.ts";
import { raiseLine, setPulseHz } from "./devices.ts";
import { succeeded } from "./errno.ts";
import { MachineError } from "./errors.ts";
import { EventSource } from "./events.ts";
import type { MachineEvent } from "./events.ts";
import { KeptLog } from "./kept-log.ts";
import type { Mailbox } from "./mailbox.ts";
import { Meter } from "./meter.ts";
import { createMemory } from "./memory.ts";
import type { SharedMemory } from "./memory.ts";
import { checkOptions } from "./options.ts";
import type { MachineOptions, Settings } from "./options.ts";
import { verifyPatch } from "./patch/verify.ts";
import { readStopTimes } from "./patch/stop-times.ts";
import type { StopTimes } from "./patch/stop-times.ts";
import { readTransitionTimes } from "./patch/transition-times.ts";
import type { TransitionTimes } from "./patch/transition-times.ts";
import type { LoadedPatch, LoadOptions, PatchStatus } from "./patch/patcher.ts";
import { readImage } from "./platform/node/files.ts";
import type { Platform } from "./platform/platform.ts";
import { PLATFORMS } from "./platform/platforms.ts";
import type { KernelMap } from "./toolchain/image.ts";
import { Tracing } from "./tracing.ts";
import { readFile, writeFile } from "./vfs.ts";
import { assemble } from "./parts.ts";
import type { Parts } from "./parts.ts";
import { parseMeminfo, readCpuStats, totalStats } from "./stats.ts";
import type { CounterReading, MachineStats } from "./stats.ts";

export class Machine {
  readonly settings: Settings;
  /** Names that `spawn` knows. */
  readonly programs: readonly string[];
  readonly #memory: SharedMemory;
  readonly #events = new EventSource();
  readonly #log: KeptLog;
  // Set once, by boot, before anybody has the machine.
  #platform!: Platform;
  #parts!: Parts;
  #map!: KernelMap;
  #failure: MachineError | undefined;
  #down: Promise<void> | undefined;

  private constructor(settings: Settings, programs: readonly string[], memory: SharedMemory) {
    this.settings = settings;
    this.programs = programs;
    this.#memory = memory;
    this.#log = new KeptLog(memory, this.#events);
  }

  /** Brings a machine up; nothing is started before everything was checked, nothing stays when it fails. */
  static async boot(options: MachineOptions = {}, { signal }: CallOptions = {}): Promise<Machine> {
    refuseAborted(signal);
    const settings = checkOptions(options);
    const stepped = settings.platform === "stepped";
    const { bytes, sourceMap } = await kernelSource(settings, stepped);
    const kernel = loadKernelImage(bytes, sourceMap, stepped);
    if (settings.selftests) refuseWithoutSelftests(kernel.module);
    const user = settings.userImage ? await makeUserImage(settings.userImage) : loadUserImage(await readImage("user"));
    const placement = place(settings, kernel, user);
    refuseAborted(signal);
    const memory = createMemory(settings.memoryMiB);
    write(placement, memory);
    const machine = new Machine(
      settings,
      user.map.programs.map(({ name }) => name),
      memory,
    );
    machine.#platform = await PLATFORMS[settings.platform]({
      memory,
      settings,
      images: cpuImages(kernel, user),
      sourceMaps: { kernel: kernel.sourceMap, user: user.sourceMap },
      onPulse: () => machine.#log.drain(),
      onFailure: (error) => machine.#onFailure(error),
      panicError: () => machine.#log.panicError(),
    });
    machine.#map = kernel.map;
    try {
      machine.#parts = assemble(memory, machine.#platform, settings, kernel, user);
      await abortable(machine.#platform.start(), signal);
    } catch (error) {
      await machine.shutdown();
      throw error;
    }
    return machine;
  }

  /** Refuses a patch that would not fit the machine that `options` would boot; boots nothing. */
  static async checkPatch(
    bytes: Uint8Array,
    options: MachineOptions = {},
    { signal }: CallOptions = {},
  ): Promise<void> {
    refuseAborted(signal);
    const settings = checkOptions(options);
    const stepped = settings.platform === "stepped";
    const image = await abortable(kernelSource(settings, stepped), signal);
    verifyPatch(bytes, loadKernelImage(image.bytes, image.sourceMap, stepped));
  }

  /** A file's contents. One that fits a request shows one moment: a file of /proc is written anew whenever it is opened. */
  async read(path: string, options: CallOptions = {}): Promise<string> {
    return readFile(this.#live(this.#parts.mailbox), path, options);
  }

  /** Writes a file anew, as the shell's `>` does, or one of the kernel's. */
  async write(path: string, contents: string | Uint8Array, options: CallOptions = {}): Promise<void> {
    await writeFile(this.#live(this.#parts.mailbox), path, contents, options);
  }

  /** Starts a program of the user image; gives its pid. */
  async spawn(program: string, argument: number = 0, options: CallOptions = {}): Promise<number> {
    return succeeded((await this.#request(MAIL_OP_SPAWN, program, argument, options)).status, `spawn ${program}`);
  }

  /** Waits for the end of a spawned program; gives its wait status: exit code << 8, or the signal that ended it. */
  async wait(pid: number, options: CallOptions = {}): Promise<number> {
    for (;;) {
      // Read before the request: an exit in between changes the word, and the wait below does not begin.
      const exits = this.#memory.load(MACHINE + MACHINE_REAPABLE);
      const { status } = await this.#request(MAIL_OP_WAIT, "", pid, options);
      if (status !== -EAGAIN) return succeeded(status, `wait for ${pid}`);
      await this.#platform.change(MACHINE + MACHINE_REAPABLE, exits, options.signal);
    }
  }

  /** Sends a signal to a process, or to group -pid. */
  async kill(pid: number, signal: number = SIGTERM, options: CallOptions = {}): Promise<void> {
    const { status } = await this.#request(MAIL_OP_KILL, "", (pid & 0xffffff) | (signal << 24), options);
    succeeded(status, `kill ${pid}`);
  }

  /** Runs a shell line inside; its output, and its status as `$?` has it. */
  async exec(line: string, options: ExecOptions = {}): Promise<ExecResult> {
    this.#refuseFailed();
    return execLine(this.#terminalHost(), line, options);
  }

  /** The console; with somebody `conversing`, who sees an echo and whose ^C is a signal. */
  async console(conversing: boolean, options: CallOptions = {}): Promise<Terminal> {
    this.#refuseFailed();
    return Terminal.console(this.#terminalHost(), conversing, options);
  }

  #terminalHost(): TerminalHost {
    return { memory: this.#memory, platform: this.#platform, mailbox: this.#parts.mailbox };
  }

  /** What should not be on a machine at rest, one finding per line: leaks, lost wake-ups, locks held. */
  async audit(options: CallOptions = {}): Promise<string[]> {
    const { status, bytes } = await this.#request(MAIL_OP_AUDIT, "", 0, options);
    succeeded(status, "audit");
    return new TextDecoder()
      .decode(bytes)
      .split("\n")
      .filter((line) => line !== "");
  }

  /** Runs a row of the image's self-tests; 0, or a number that says where it failed. */
  async selftest(row: number, options: CallOptions = {}): Promise<number> {
    return (await this.#request(MAIL_OP_SELFTEST, "", row, options)).status;
  }

  /** Verifies, loads and enables a patch; resolves when the transition has completed, unless `noWait`. */
  async load(bytes: Uint8Array, options: LoadOptions = {}): Promise<LoadedPatch> {
    return this.#live(this.#parts.patcher).load(bytes, options);
  }

  /** Disables a patch by the road that it came; it stays loaded. */
  async disable(patch: LoadedPatch, options: LoadOptions = {}): Promise<void> {
    await this.#live(this.#parts.patcher).disable(patch, options);
  }

  /** Enables a loaded patch again. */
  async enable(patch: LoadedPatch, options: LoadOptions = {}): Promise<void> {
    await this.#live(this.#parts.patcher).enable(patch, options);
  }

  /** Takes a disabled patch out of the machine, code, data and table entries. */
  async unload(patch: LoadedPatch, options: CallOptions = {}): Promise<void> {
    await this.#live(this.#parts.patcher).unload(patch, options);
  }

  /** Loaded patches. */
  patches(): LoadedPatch[] {
    return this.#parts.patcher.list();
  }

  /** State of a patch, result of the last request, tasks that have not moved yet. */
  async patchStatus(patch: LoadedPatch, options: CallOptions = {}): Promise<PatchStatus> {
    return this.#live(this.#parts.patcher).status(patch, options);
  }

  /** Waits for the end of the request under way for a patch; 0 or -errno. */
  async patchSettled(patch: LoadedPatch, options: CallOptions = {}): Promise<number> {
    return this.#live(this.#parts.patcher).settled(patch, options);
  }

  /** Loads a kernel module; `parameters` as on insmod's command line. */
  async insmod(bytes: Uint8Array, parameters: string = "", options: CallOptions = {}): Promise<void> {
    await this.#live(this.#parts.modules).load(bytes, parameters, options);
  }

  /** Unloads a kernel module that nobody uses. */
  async rmmod(name: string, options: CallOptions = {}): Promise<void> {
    await this.#live(this.#parts.modules).remove(name, options);
  }

  /** Stamps of the last stop: request, each CPU's arrival and leaving, standstill. */
  stopTimes(): StopTimes {
    return readStopTimes(this.#memory, this.settings.cpus);
  }

  /** Stamps of the last kGraft transition. */
  transitionTimes(): TransitionTimes {
    return readTransitionTimes(this.#memory);
  }

  /** Has every CPU record what benchmarks ask for, from now on. Once. */
  async meter(options: CallOptions = {}): Promise<Meter> {
    return Meter.open(this.#memory, this.#live(this.#parts.mailbox), this.settings.cpus, options);
  }

  /** Machine time, ns since boot. */
  timeNs(): number {
    return this.#platform.timeNs();
  }

  /** Records the calls of these slots' functions from now on; debug and stepped images only. */
  async watch(slots: readonly number[], options: CallOptions = {}): Promise<void> {
    this.#refuseFailed();
    refuseAborted(options.signal);
    const { debug, stepped } = this.#map.variant;
    if (!debug && !stepped) {
      throw new MachineError(
        "BAD_OPTION",
        "debug is false: this image does not record calls",
        "Boot with debug: true, or on the stepped platform.",
      );
    }
    await this.#parts.trace.watch(slots, options);
  }

  /** What was recorded since the last time. */
  trace(): TracedCalls {
    return this.#parts.trace.read();
  }

  /** Ends recording, and gives its memory back. */
  async unwatch(options: CallOptions = {}): Promise<void> {
    await this.#live(this.#parts.trace).stop(options);
  }

  /** Files below /sys/kernel/tracing. */
  tracing(): Tracing {
    this.#refuseFailed();
    const { mailbox, functionOf } = this.#parts;
    const nameOf = (id: number): string => functionOf(id).name;
    return new Tracing({ mailbox, memory: this.#memory, cpus: this.settings.cpus, nameOf });
  }

  /** Where each CPU's entry of each slot leads: `original`, `stub`, `trace`, a patch's name; by CPU, by slot. */
  async slotEntries(slots: readonly number[], { signal }: CallOptions = {}): Promise<string[][]> {
    const { patcher } = this.#live(this.#parts);
    refuseAborted(signal);
    const asked = slotEntries(this.#platform, this.#map.stride, slots, (slot) => patcher.entriesFor(slot));
    return abortable(asked, signal);
  }

  /** Who blocks the transition, with stacks; or what the last stack check met. */
  async blockers(options: CallOptions = {}): Promise<string> {
    return this.#live(this.#parts.patcher).blockers(options);
  }

  /** Pokes user tasks that have not moved: their sleep ends, their call is made again. Gives how many. */
  async signalBlockers(options: CallOptions = {}): Promise<number> {
    return this.#live(this.#parts.patcher).signal(options);
  }

  /** Has the device raise `hz` interrupts a second; 0 for none. */
  setDeviceHz(hz: number): void {
    this.#refuseFailed();
    setPulseHz(this.#memory, hz);
  }

  /** Raises an interrupt line on a CPU, as a device does. */
  interrupt(line: number, cpu: number = 0): void {
    this.#refuseFailed();
    raiseLine(this.#memory, this.settings.cpus, line, cpu);
  }

  /** Lets machine time pass: real time on threads, virtual time on the stepped platform. */
  async run(seconds: number, options: CallOptions = {}): Promise<void> {
    await this.#live(this.#platform).pass(seconds, options.signal);
  }

  /** Counters and latencies as they stand, without asking anybody. */
  counters(): CounterReading {
    const cpus = Array.from({ length: this.settings.cpus }, (_, cpu) => readCpuStats(this.#memory, cpu));
    return { timeNs: this.#platform.timeNs(), cpus, ...totalStats(this.#memory, cpus) };
  }

  /** The same with what kernel and CPU threads know of their memory. */
  async stats(options: CallOptions = {}): Promise<MachineStats> {
    this.#refuseFailed();
    refuseAborted(options.signal);
    const engines = await abortable(this.#platform.inspect(), options.signal);
    const memory = parseMeminfo(await this.read("/proc/meminfo", options));
    return { ...this.counters(), memory, engines };
  }

  /** Brings a CPU up or takes it down, as a write to its `online` file does. */
  async setOnline(cpu: number, online: boolean, options: CallOptions = {}): Promise<void> {
    const { status } = await this.#request(MAIL_OP_CPU, "", online ? cpu | CPU_UP : cpu, options);
    succeeded(status, `${online ? "bring up" : "take down"} CPU ${cpu}`);
  }

  /** What every CPU is doing; works on a machine that hangs. */
  cpuState(): CpuState[] {
    return Array.from({ length: this.settings.cpus }, (_, cpu) => readCpuState(this.#memory, cpu));
  }

  /** The kernel log so far. */
  log(): string[] {
    return this.#log.lines();
  }

  /** Log lines, transitions, faults and a panic from now on, until the machine or `signal` ends. */
  events({ signal }: CallOptions = {}): AsyncGenerator<MachineEvent, void> {
    return this.#events.read(signal);
  }

  /** Ends the machine; nothing of it is left running. May be called again; who gives up leaves it ending. */
  async shutdown({ signal }: CallOptions = {}): Promise<void> {
    refuseAborted(signal);
    this.#failure ??= new MachineError("SHUT_DOWN", "the machine has been shut down", "Boot another.");
    this.#down ??= this.#platform.shutdown().finally(() => {
      this.#log.drain();
      this.#events.end();
    });
    await abortable(this.#down, signal);
  }

  async #request(op: number, text: string, argument: number, options: CallOptions): ReturnType<Mailbox["request"]> {
    return this.#live(this.#parts.mailbox).request(op, text, argument, options);
  }

  #live<Part>(part: Part): Part {
    this.#refuseFailed();
    return part;
  }

  #refuseFailed(): void {
    if (this.#failure) throw this.#failure;
  }

  #onFailure(error: MachineError): void {
    this.#log.drain();
    this.#failure ??= error;
    if (error.code === "KERNEL_PANIC") this.#events.emit({ kind: "panic", error });
  }
}
