/**
 * Custom sections: facts that travel inside a module.
 *
 * Idea: sections are appended to finished bytes, so no offset in a source map moves.
 * Contract: `wlp.map` is JSON, `wlp.data` is static data to write once at boot; readers are the engine's own
 * `WebAssembly.Module.customSections`. Invariant: what is written here is read back by `readData` unchanged.
 */
export const MAP_SECTION = "wlp.map";
export const DATA_SECTION = "wlp.data";

/** Bytes that belong at an address of memory before the first instruction runs. */
export interface DataBlock {
  readonly address: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** `wasm` with a custom section at its end. */
export function appendSection(wasm: Uint8Array, name: string, contents: Uint8Array): Uint8Array<ArrayBuffer> {
  const label = new TextEncoder().encode(name);
  const head = [...unsigned(label.length), ...label];
  return concatenate([wasm, Uint8Array.from([0, ...unsigned(head.length + contents.length), ...head]), contents]);
}

/** `wlp.data`: offset, length, bytes; repeated. */
export function encodeData(blocks: readonly DataBlock[]): Uint8Array<ArrayBuffer> {
  return concatenate(
    blocks.flatMap(({ address, bytes }) => [new Uint8Array(Uint32Array.of(address, bytes.length).buffer), bytes]),
  );
}

export function decodeData(section: ArrayBuffer): DataBlock[] {
  const view = new DataView(section);
  const blocks: DataBlock[] = [];
  for (let at = 0; at < section.byteLength;) {
    const address = view.getUint32(at, true);
    const length = view.getUint32(at + 4, true);
    blocks.push({ address, bytes: new Uint8Array(section, at + 8, length) });
    at += 8 + length;
  }
  return blocks;
}

function unsigned(value: number): number[] {
  const bytes = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest & 127) | 128);
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
