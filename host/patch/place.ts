/**
 * What a patch takes in the machine's memory: rows for stack walkers, names, its own static data.
 *
 *   block ─► [symbol rows | names | data, on a multiple of 16]
 *
 * Contract: `layOut` says how many bytes; `write` fills them in. Invariant: nothing is written before the kernel has
 * given the block.
 */
import {
  SYMBOL_FRAME,
  SYMBOL_INDEX,
  SYMBOL_NAME,
  SYMBOL_NAME_LENGTH,
  SYMBOL_SIZE,
  SYMBOL_SLOT,
} from "../../kernel/layout.ts";
import type { SharedMemory } from "../memory.ts";
import type { VerifiedPatch } from "./verify.ts";

const DATA_ALIGNMENT = 16;

export interface PatchLayout {
  readonly bytes: number;
  readonly dataOffset: number;
}

/** Table indices of the functions that a slot can lead to, by path: replaced and added ones. */
export type Indices = ReadonlyMap<string, number>;

export function layOut({ info }: VerifiedPatch): PatchLayout {
  const names = info.rows.reduce((sum, { name }) => sum + new TextEncoder().encode(name).length, 0);
  const dataOffset = Math.ceil((info.rows.length * SYMBOL_SIZE + names) / DATA_ALIGNMENT) * DATA_ALIGNMENT;
  return { bytes: dataOffset + info.data.bytes, dataOffset };
}

export function write(
  memory: SharedMemory,
  block: number,
  patch: VerifiedPatch,
  layout: PatchLayout,
  indices: Indices,
): void {
  const { info, data } = patch;
  let name = block + info.rows.length * SYMBOL_SIZE;
  for (const row of info.rows) {
    const at = block + row.k * SYMBOL_SIZE;
    const bytes = new TextEncoder().encode(row.name);
    memory.store(at + SYMBOL_FRAME, row.frameSize);
    memory.store(at + SYMBOL_SLOT, row.slot);
    memory.store(at + SYMBOL_NAME, name);
    memory.store(at + SYMBOL_NAME_LENGTH, bytes.length);
    memory.store(at + SYMBOL_INDEX, indices.get(row.path) ?? 0);
    memory.bytes.set(bytes, name);
    name += bytes.length;
  }
  const base = block + layout.dataOffset;
  memory.bytes.set(data, base);
  for (const relocation of info.data.relocations) {
    const word = base + relocation.offset;
    if (relocation.kind === "data") memory.store(word, base + relocation.addend);
    else if (relocation.kind === "slot") memory.store(word, relocation.slot);
    else memory.store(word, indices.get(relocation.path) ?? 0);
  }
}
