/**
 * From bytes to images: compiled, checked, ready to be put into a machine.
 *
 * Idea: an image is a module, its map (`wlp.map`) and its static data (`wlp.data`). Contract: BAD_IMAGE names what is
 * missing or does not fit the platform. Invariant: a user module gets through the toolchain's passes before it comes
 * near a machine. Only the package's own image already did: a section is no proof, anybody can write one.
 */
import { MachineError } from "../errors.ts";
import type { DataBlock } from "../toolchain/sections.ts";
import { MAP_FORMAT, readData, readMap } from "../toolchain/image.ts";
import type { KernelMap } from "../toolchain/image.ts";
import type { ImageFile } from "../platform/node/files.ts";
import { MAP_SECTION } from "../toolchain/sections.ts";
import type { UserMap } from "../toolchain/user.ts";
import { handshake } from "./handshake.ts";

export interface Image<Facts> {
  readonly module: WebAssembly.Module;
  readonly map: Facts;
  readonly data: readonly DataBlock[];
  /** Text of its source map, or empty. */
  readonly sourceMap: string;
}

/** Bytes behind a foreign program's own memory. */
const USER_HEAP_BYTES = 4096;

export function refuseWithoutSelftests(kernel: WebAssembly.Module): void {
  if (WebAssembly.Module.exports(kernel).some(({ name }) => name === "selftests_register")) return;
  throw new MachineError(
    "BAD_IMAGE",
    "this kernel image has no self-tests",
    "Build one from kernel/main.ts with test/kernel/index.ts.",
  );
}

export function loadKernelImage(bytes: Uint8Array, sourceMap: string, stepped: boolean): Image<KernelMap> {
  const image = load<KernelMap>(bytes, sourceMap, "kernel image");
  if (!image.map.variant || image.map.variant.stepped !== stepped) {
    throw new MachineError(
      "BAD_IMAGE",
      `the image is not built for the ${stepped ? "stepped" : "threads"} platform`,
      `Use one of dist/images that is: ${stepped ? "kernel-stepped.wasm" : "kernel.wasm or kernel-debug.wasm"}.`,
    );
  }
  if (image.map.variant.asyncify === "none") {
    throw new MachineError("BAD_IMAGE", "no task can sleep in this image: it is for benchmarks", "Use kernel.wasm.");
  }
  handshake(image.module);
  return image;
}

/** The package's own user image, which went through the passes when it was built. */
export function loadUserImage({ bytes, sourceMap }: ImageFile): Image<UserMap> {
  return load<UserMap>(bytes, sourceMap, "user image");
}

/** The user image that was made last, by the digest of its module: whoever boots again and again brings the same one. */
const made = new Map<string, Promise<Image<UserMap>>>();

/** Anybody's module: made a user image here, whatever it says about itself. */
export async function makeUserImage(bytes: Uint8Array): Promise<Image<UserMap>> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes))).join();
  const image = made.get(digest) ?? make(bytes);
  made.clear();
  made.set(digest, image);
  return image;
}

async function make(bytes: Uint8Array): Promise<Image<UserMap>> {
  compile(bytes, "user module");
  const { transformUser } = await import("../toolchain/user.ts");
  const options = { heapBytes: USER_HEAP_BYTES, optimizeLevel: 2, mapName: "" };
  const { wasm, map, data } = await transformUser(new Uint8Array(bytes), options);
  return { module: compile(wasm, "user module"), map, data, sourceMap: "" };
}

function load<Facts extends KernelMap | UserMap>(bytes: Uint8Array, sourceMap: string, what: string): Image<Facts> {
  const module = compile(bytes, what);
  if (!hasMap(module)) {
    throw new MachineError(
      "BAD_IMAGE",
      `the ${what} has no section ${MAP_SECTION}`,
      "Build it with this package's toolchain.",
    );
  }
  const map = readMap(module) as KernelMap | UserMap as Facts;
  if (map.format !== MAP_FORMAT) {
    throw new MachineError(
      "BAD_IMAGE",
      `the ${what} has format ${String(map.format)}, this host reads ${MAP_FORMAT}`,
      "Build it again.",
    );
  }
  return { module, map, data: readData(module), sourceMap };
}

function compile(bytes: Uint8Array, what: string): WebAssembly.Module {
  try {
    return new WebAssembly.Module(new Uint8Array(bytes));
  } catch (error) {
    throw new MachineError("BAD_IMAGE", `the ${what} is not a module: ${String(error)}`, "Build it again.", {
      cause: error,
    });
  }
}

function hasMap(module: WebAssembly.Module): boolean {
  return WebAssembly.Module.customSections(module, MAP_SECTION).length > 0;
}
