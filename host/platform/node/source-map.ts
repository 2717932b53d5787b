/**
 * Offsets of a module → places in its source, by Node's own reader of source maps.
 *
 * Contract: a map is parsed when the first trap asks, not before. Invariant: an image without a map gives no places.
 */
import { SourceMap } from "node:module";
import type { Locate } from "../../cpu/backtrace.ts";

export function locateBySourceMaps(texts: { readonly kernel: string; readonly user: string }): Locate {
  const maps = new Map<string, SourceMap>();
  return (image, offset) => {
    const text = texts[image];
    if (text === "") return undefined;
    const map = maps.get(image) ?? new SourceMap(JSON.parse(text) as ConstructorParameters<typeof SourceMap>[0]);
    maps.set(image, map);
    const entry = map.findEntry(0, offset);
    if (!("originalSource" in entry) || !entry.originalSource) return undefined;
    return `${entry.originalSource}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  };
}
