/**
 * What a patch takes in the machine's memory: rows for stack walkers, names, its own static data.
 *
 *   block ─► [symbol rows | names | data, on a multiple of 16]
 *
 * Contract: `layOut` says how many bytes, `blockBytes` which. Invariant: they depend on the block's address alone.
 */
import {
  SYMBOL_FRAME,
  SYMBOL_INDEX,
  SYMBOL_NAME,
  SYMBOL_NAME_LENGTH,
  SYMBOL_SIGNATURE,
  SYMBOL_SIZE,
  SYMBOL_SLOT,
} from "../../kernel/layout.ts";
import { signatureNumber } from "../boot/signature.ts";
import type { PatchInfo } from "../toolchain/patch-format.ts";

const DATA_ALIGNMENT = 16;

export interface PatchLayout {
  readonly bytes: number;
  readonly dataOffset: number;
}

/** Table indices of what a patch exports for slots to lead to: functions by path, replaced and added ones, and stubs. */
export type Indices = ReadonlyMap<string, number>;

/** A patch or a module, as far as it lies in memory. */
export interface Placeable {
  readonly info: Pick<PatchInfo, "rows" | "data">;
  readonly data: Uint8Array<ArrayBuffer>;
}

export function layOut({ info }: Placeable): PatchLayout {
  const names = info.rows.reduce((sum, { name }) => sum + new TextEncoder().encode(name).length, 0);
  const dataOffset = Math.ceil((info.rows.length * SYMBOL_SIZE + names) / DATA_ALIGNMENT) * DATA_ALIGNMENT;
  return { bytes: dataOffset + info.data.bytes, dataOffset };
}

/**
 * The block's bytes for address `block`. `indices` are those of the versions, for stack walkers; `pointers` what a pointer
 * to a function of the module leads to.
 */
export function blockBytes(
  block: number,
  { info, data }: Placeable,
  layout: PatchLayout,
  indices: Indices,
  pointers: Indices = indices,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(layout.bytes);
  const view = new DataView(bytes.buffer);
  const store = (offset: number, value: number): void => view.setInt32(offset, value, true);
  let name = info.rows.length * SYMBOL_SIZE;
  for (const row of info.rows) {
    const at = row.k * SYMBOL_SIZE;
    const text = new TextEncoder().encode(row.name);
    store(at + SYMBOL_FRAME, row.frameSize);
    store(at + SYMBOL_SLOT, row.slot);
    store(at + SYMBOL_NAME, block + name);
    store(at + SYMBOL_NAME_LENGTH, text.length);
    store(at + SYMBOL_SIGNATURE, signatureNumber(row.signature));
    store(at + SYMBOL_INDEX, indices.get(row.path) ?? 0);
    bytes.set(text, name);
    name += text.length;
  }
  bytes.set(data, layout.dataOffset);
  for (const relocation of info.data.relocations) {
    const word = layout.dataOffset + relocation.offset;
    if (relocation.kind === "data") store(word, block + layout.dataOffset + relocation.addend);
    else if (relocation.kind === "slot") store(word, relocation.slot);
    else store(word, pointers.get(relocation.path) ?? 0);
  }
  return bytes;
}
