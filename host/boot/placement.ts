/**
 * What lies in memory when the first instruction runs.
 *
 *   staticEnd ─► symbol rows, names ─► user rows, names ─► debug lines ─► programs ─► user template ─► page boundary: the heap
 *
 * Contract: `place` computes addresses and bytes without a memory, so that MEMORY_TOO_SMALL can say how much is
 * needed; `write` puts them there. Invariant: everything that the kernel finds in MACHINE at boot is written here.
 */
import {
  CACHE_LINE,
  MACHINE,
  MACHINE_CPUS,
  MACHINE_DEBUG_LINES,
  MACHINE_DEBUG_LINE_COUNT,
  MACHINE_HEAP,
  MACHINE_MEMORY,
  MACHINE_PROGRAMS,
  MACHINE_PROGRAM_COUNT,
  MACHINE_SEED,
  MACHINE_SHARE,
  MACHINE_STACK_BYTES,
  MACHINE_SPARE_SLOTS,
  MACHINE_STRIDE,
  MACHINE_SYMBOLS,
  MACHINE_SYMBOL_COUNT,
  MACHINE_TICK_NS,
  MACHINE_USER_SYMBOLS,
  MACHINE_USER_SYMBOL_COUNT,
  MACHINE_USER_TEMPLATE,
  MACHINE_USER_TEMPLATE_BYTES,
  MACHINE_WINDOW_BYTES,
  PAGE_SIZE,
  PROGRAM_ENTRY,
  PROGRAM_NAME,
  PROGRAM_NAME_LENGTH,
  PROGRAM_NAME_SIZE,
  PROGRAM_SIZE,
  SYMBOL_FRAME,
  SYMBOL_INDEX,
  SYMBOL_NAME,
  SYMBOL_NAME_LENGTH,
  SYMBOL_SIGNATURE,
  SYMBOL_SIZE,
  SYMBOL_SLOT,
} from "../../kernel/layout.ts";
import type { CpuImages } from "../cpu/cpu.ts";
import { MachineError } from "../errors.ts";
import type { SharedMemory } from "../memory.ts";
import type { Settings } from "../options.ts";
import type { KernelMap } from "../toolchain/image.ts";
import type { DataBlock } from "../toolchain/sections.ts";
import type { UserMap } from "../toolchain/user.ts";
import { debugRows } from "./debug-rows.ts";
import type { Image } from "./images.ts";
import { signatureNumber } from "./signature.ts";

export interface Placement {
  readonly blocks: readonly DataBlock[];
  /** Words of MACHINE, by offset. */
  readonly machine: ReadonlyMap<number, number>;
}

const KIB = 1 << 10;
const MIB = 1 << 20;
/** Record and saved stack of a task fill one page, or four where every function can yield. */
const STACK_BYTES = 3072;
const STEPPED_STACK_BYTES = 12288;
/** The heap that a machine needs to be of any use, and what each CPU adds: timers, idle task, worker thread. */
const LEAST_HEAP = 2 * MIB;
const HEAP_PER_CPU = 128 * KIB;
/** In a stepped image, where each CPU has a place for the stack of its step points, and tasks are larger. */
const STEPPED_HEAP_PER_CPU = 384 * KIB;
/** User programs' table entries come behind the kernel's four regions. */
const TABLE_REGIONS = 4;

/** Table index of the first user program. */
export function firstProgram(map: KernelMap): number {
  return TABLE_REGIONS * map.stride;
}

/** What every CPU is made from. */
export function cpuImages(kernel: Image<KernelMap>, user: Image<UserMap>): CpuImages {
  return {
    kernel: kernel.module,
    user: user.module,
    programs: user.map.programs.map((program) => program.export),
    firstProgram: firstProgram(kernel.map),
    frameIds: new Map([...user.map.functions, ...kernel.map.functions].map(({ path, id }) => [path, id])),
  };
}

export function place(settings: Settings, kernel: Image<KernelMap>, user: Image<UserMap>): Placement {
  const blocks: DataBlock[] = [...kernel.data];
  let cursor = kernel.map.staticEnd;
  const next = (): number => roundUp(cursor, CACHE_LINE);
  const put = (bytes: Uint8Array<ArrayBuffer>): number => {
    const address = next();
    blocks.push({ address, bytes });
    cursor = address + bytes.length;
    return address;
  };
  const symbols = put(
    symbolTable(kernel.map.functions, kernel.map.functions.length + 1, ({ id }) => id, next(), kernel.map.stride),
  );
  const userSymbols = put(symbolTable(user.map.functions, user.map.functions.length, (_, index) => index, next(), 0));
  const lines = put(debugRows(kernel.map.debugLines, next()));
  const programs = put(programTable(user.map, firstProgram(kernel.map)));
  const template = put(templateBytes(user));
  const heap = roundUp(cursor, PAGE_SIZE);
  checkSize(settings, heap, kernel.map.variant.stepped ? STEPPED_HEAP_PER_CPU : HEAP_PER_CPU);
  return {
    blocks,
    machine: new Map([
      [MACHINE_CPUS, settings.cpus],
      [MACHINE_MEMORY, settings.memoryMiB * MIB],
      [MACHINE_SEED, settings.seed],
      [MACHINE_SHARE, settings.share === undefined ? 0 : 1],
      [MACHINE_SYMBOLS, symbols],
      [MACHINE_SYMBOL_COUNT, kernel.map.functions.length + 1],
      [MACHINE_USER_SYMBOLS, userSymbols],
      [MACHINE_USER_SYMBOL_COUNT, user.map.functions.length],
      [MACHINE_DEBUG_LINES, lines],
      [MACHINE_DEBUG_LINE_COUNT, kernel.map.debugLines.length],
      [MACHINE_PROGRAMS, programs],
      [MACHINE_PROGRAM_COUNT, user.map.programs.length],
      [MACHINE_USER_TEMPLATE, template],
      [MACHINE_USER_TEMPLATE_BYTES, user.map.dataEnd],
      [MACHINE_WINDOW_BYTES, user.map.windowBytes],
      [MACHINE_HEAP, heap],
      [MACHINE_STRIDE, kernel.map.stride],
      [MACHINE_SPARE_SLOTS, kernel.map.spareSlots],
      [MACHINE_STACK_BYTES, kernel.map.variant.stepped ? STEPPED_STACK_BYTES : STACK_BYTES],
      [MACHINE_TICK_NS, settings.tickUs * 1000],
    ]),
  };
}

export function write(placement: Placement, memory: SharedMemory): void {
  for (const { address, bytes } of placement.blocks) memory.bytes.set(bytes, address);
  for (const [offset, value] of placement.machine) memory.store(MACHINE + offset, value);
}

/** Memory that a machine with this image and these options needs, in MiB. */
function checkSize(settings: Settings, heap: number, perCpu: number): void {
  const needed = Math.ceil((heap + LEAST_HEAP + perCpu * settings.cpus) / MIB);
  if (settings.memoryMiB >= needed) return;
  throw new MachineError(
    "MEMORY_TOO_SMALL",
    `${settings.memoryMiB} MiB do not hold this kernel with ${settings.cpus} CPUs, which needs ${needed} MiB`,
    `Give memoryMiB (--memory) as ${needed} or more.`,
  );
}

interface Symbol {
  readonly id: number;
  readonly name: string;
  readonly frameSize: number;
  readonly slot?: number;
  readonly signature: string;
}

/** Rows, then the names that they point to. */
function symbolTable(
  functions: readonly Symbol[],
  rows: number,
  rowOf: (fn: Symbol, index: number) => number,
  address: number,
  stride: number,
): Uint8Array<ArrayBuffer> {
  const names = functions.map(({ name }) => new TextEncoder().encode(name));
  const bytes = new Uint8Array(rows * SYMBOL_SIZE + names.reduce((sum, { length }) => sum + length, 0));
  const view = new DataView(bytes.buffer);
  let at = rows * SYMBOL_SIZE;
  functions.forEach((fn, index) => {
    const row = rowOf(fn, index) * SYMBOL_SIZE;
    const name = names[index] ?? new Uint8Array();
    view.setInt32(row + SYMBOL_FRAME, fn.frameSize, true);
    view.setInt32(row + SYMBOL_SLOT, fn.slot ?? 0, true);
    view.setInt32(row + SYMBOL_INDEX, fn.slot ? stride + fn.slot : 0, true);
    view.setInt32(row + SYMBOL_SIGNATURE, signatureNumber(fn.signature), true);
    view.setInt32(row + SYMBOL_NAME, address + at, true);
    view.setInt32(row + SYMBOL_NAME_LENGTH, name.length, true);
    bytes.set(name, at);
    at += name.length;
  });
  return bytes;
}

function programTable(map: UserMap, firstEntry: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(map.programs.length * PROGRAM_SIZE);
  const view = new DataView(bytes.buffer);
  map.programs.forEach(({ name }, index) => {
    const encoded = new TextEncoder().encode(name);
    if (encoded.length > PROGRAM_NAME_SIZE) {
      throw new MachineError(
        "BAD_PROGRAM",
        `the name of program ${name} is too long`,
        `Export it under ${PROGRAM_NAME_SIZE} bytes at most.`,
      );
    }
    const row = index * PROGRAM_SIZE;
    view.setInt32(row + PROGRAM_ENTRY, firstEntry + index, true);
    view.setInt32(row + PROGRAM_NAME_LENGTH, encoded.length, true);
    bytes.set(encoded, row + PROGRAM_NAME);
  });
  return bytes;
}

/** What every window starts with: the user image's data at the offsets that it asks for. */
function templateBytes(user: Image<UserMap>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(user.map.dataEnd);
  for (const block of user.data) bytes.set(block.bytes, block.address);
  return bytes;
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
