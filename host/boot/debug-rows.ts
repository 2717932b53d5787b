/**
 * Rows of pr_debug() lines as the kernel reads them, of an image or of a module.
 *
 * Contract: the bytes are for the address that is given; rows first, then the texts that they point to.
 */
import { WORD } from "../../kernel/layout.ts";
import {
  DEBUG_ROW_FILE,
  DEBUG_ROW_FORMAT,
  DEBUG_ROW_FUNCTION,
  DEBUG_ROW_LINE,
  DEBUG_ROW_SIZE,
} from "../../kernel/records.ts";
import type { DebugLine } from "../toolchain/debug-lines.ts";

export function debugRows(lines: readonly DebugLine[], address: number): Uint8Array<ArrayBuffer> {
  const texts = lines.map((line) =>
    [line.file, line.function, line.format].map((text) => new TextEncoder().encode(text)),
  );
  const bytes = new Uint8Array(
    lines.length * DEBUG_ROW_SIZE + texts.flat().reduce((sum, { length }) => sum + length, 0),
  );
  const view = new DataView(bytes.buffer);
  let at = lines.length * DEBUG_ROW_SIZE;
  lines.forEach(({ line }, index) => {
    const row = index * DEBUG_ROW_SIZE;
    view.setInt32(row + DEBUG_ROW_LINE, line, true);
    [DEBUG_ROW_FILE, DEBUG_ROW_FUNCTION, DEBUG_ROW_FORMAT].forEach((place, part) => {
      const text = texts[index]?.[part] ?? new Uint8Array();
      view.setInt32(row + place, address + at, true);
      view.setInt32(row + place + WORD, text.length, true);
      bytes.set(text, at);
      at += text.length;
    });
  });
  return bytes;
}
