/**
 * A machine's shared memory, as the host sees it.
 *
 * Idea: bytes for contents, words and doubles for fields, all by byte address, so that code reads like layout.ts.
 * Contract: words are read and written with Atomics; another thread may be at the same word. The memory never grows,
 * so the views stay valid. Invariant: text leaves as a copy, because decoders of browsers refuse shared bytes.
 */
import { PENDING_IRQ } from "../kernel/abi.ts";
import {
  MACHINE,
  MACHINE_CPUS,
  PERCPU,
  PERCPU_IRQ_LINES,
  PERCPU_ONLINE,
  PERCPU_PENDING,
  PERCPU_PRESENT,
  PERCPU_SIZE,
  PERCPU_SLEEPING,
} from "../kernel/layout.ts";

/** Address of a CPU's block. */
export function cpuBlock(cpu: number): number {
  return PERCPU + cpu * PERCPU_SIZE;
}

export class SharedMemory {
  readonly memory: WebAssembly.Memory;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly doubles: Float64Array;

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    this.bytes = new Uint8Array(memory.buffer);
    this.words = new Int32Array(memory.buffer);
    this.doubles = new Float64Array(memory.buffer);
  }

  load(address: number): number {
    return Atomics.load(this.words, address >> 2);
  }

  store(address: number, value: number): void {
    Atomics.store(this.words, address >> 2, value);
  }

  /** Sets bits; gives the word as it was. */
  or(address: number, bits: number): number {
    return Atomics.or(this.words, address >> 2, bits);
  }

  /** Clears bits; gives the word as it was. */
  clear(address: number, bits: number): number {
    return Atomics.and(this.words, address >> 2, ~bits);
  }

  add(address: number, value: number): void {
    Atomics.add(this.words, address >> 2, value);
  }

  notify(address: number, count: number = Infinity): void {
    Atomics.notify(this.words, address >> 2, count);
  }

  loadDouble(address: number): number {
    return this.doubles[address >> 3] ?? 0;
  }

  storeDouble(address: number, value: number): void {
    this.doubles[address >> 3] = value;
  }

  /** Raises pending bits of a CPU and wakes it. Partner of the notify: the wait in cpu/loop.ts. */
  interrupt(cpu: number, bits: number): void {
    this.or(cpuBlock(cpu) + PERCPU_PENDING, bits);
    this.notify(cpuBlock(cpu) + PERCPU_PENDING);
  }

  /** Raises an interrupt line on a CPU, or on CPU 0 if that one is away. Partner: the exchange in handle_lines(). */
  raiseLine(cpu: number, line: number): void {
    const block = cpuBlock(cpu);
    this.or(block + PERCPU_IRQ_LINES, 1 << line); // before the bit that has it looked at
    this.or(block + PERCPU_PENDING, PENDING_IRQ);
    // SLEEPING is stored before the sleeper compares PENDING: one of the two sees the other.
    if (this.load(block + PERCPU_SLEEPING)) this.notify(block + PERCPU_PENDING);
    // Looked at behind the or: a CPU that went meanwhile may not have seen the line.
    if (cpu === 0 || this.load(block + PERCPU_PRESENT)) return;
    if (this.clear(block + PERCPU_IRQ_LINES, 1 << line) & (1 << line)) this.raiseLine(0, line);
  }

  /**
   * Raises a line for whoever looks first: with more CPUs than cores, one that is on a core. CPUs that sleep are left
   * alone unless all do; one that falls asleep meanwhile finds the bit.
   */
  raiseAnywhere(line: number): void {
    const cpus = Array.from({ length: this.load(MACHINE + MACHINE_CPUS) }, (_, cpu) => cpu);
    const awake = cpus.filter(
      (cpu) => this.load(cpuBlock(cpu) + PERCPU_ONLINE) !== 0 && this.load(cpuBlock(cpu) + PERCPU_SLEEPING) === 0,
    );
    for (const cpu of awake.length > 0 ? awake : [0]) this.raiseLine(cpu, line);
  }

  /** Text up to a zero byte, `limit` bytes at most. */
  zeroEnded(address: number, limit: number): string {
    const bytes = this.bytes.slice(address, address + limit);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  /** An AssemblyScript literal: its length in bytes lies in front of it. */
  literal(address: number): string {
    if (address === 0) return "?";
    const length = this.load(address - 4);
    return new TextDecoder("utf-16le").decode(this.bytes.slice(address, address + length));
  }
}

/** A memory of `mebibytes` that CPUs can share. */
export function createMemory(mebibytes: number): SharedMemory {
  const pages = mebibytes * 16;
  return new SharedMemory(new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }));
}
