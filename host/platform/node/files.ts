/**
 * Files of this package, found from the sources and from dist alike.
 *
 * Contract: what a build made lies in dist; workers start from there too, because Node 20 runs no TypeScript.
 * Invariant: a missing image is NO_IMAGE with the command that makes it.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { MachineError } from "../../errors.ts";

/** The folder of this package. */
export const PACKAGE_ROOT: string = fileURLToPath(
  new URL(import.meta.url.includes("/dist/host/") ? "../../../../" : "../../../", import.meta.url),
);

const DIST = new URL(import.meta.url.includes("/dist/host/") ? "../../../" : "../../../dist/", import.meta.url);

export interface ImageFile {
  readonly bytes: Uint8Array;
  readonly sourceMap: string;
}

/** An image that the build made: `kernel`, `kernel-debug`, `kernel-stepped`, `user`. */
export async function readImage(name: string): Promise<ImageFile> {
  const path = fileURLToPath(new URL(`images/${name}.wasm`, DIST));
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new MachineError("NO_IMAGE", `there is no image ${path}`, "Build it: npm run build.", { cause: error });
  });
  return { bytes, sourceMap: await readFile(`${path}.map`, "utf8").catch(() => "") };
}

/** Entry of a thread: its path below host/, without extension. */
export function workerEntry(path: string): URL {
  return new URL(`host/${path}.js`, DIST);
}
