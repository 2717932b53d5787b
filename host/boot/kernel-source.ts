/**
 * Which kernel image a machine runs: the caller's own, or the one of this package that its options name.
 */
import type { Settings } from "../options.ts";
import { readImage } from "../platform/node/files.ts";
import type { ImageFile } from "../platform/node/files.ts";

export async function kernelSource(settings: Settings, stepped: boolean): Promise<ImageFile> {
  if (settings.image) return { bytes: settings.image.kernel, sourceMap: settings.image.sourceMap ?? "" };
  return readImage(stepped ? "kernel-stepped" : settings.debug ? "kernel-debug" : "kernel");
}
