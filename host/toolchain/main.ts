/**
 * `node dist/host/toolchain/main.js`: builds the images that are out of date, into dist/images.
 *
 * Contract: prints one line per image it builds and nothing when all are fresh; exits 1 with the refusal otherwise.
 * Invariant: an image's fingerprint is written after the image, so an interrupted build is built again.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MachineError } from "../errors.ts";
import { PACKAGE_ROOT } from "./compile.ts";
import { fingerprint } from "./fingerprint.ts";
import { KERNEL_ENTRIES, KERNEL_IMAGES, USER_IMAGE } from "./images.ts";
import { buildKernel } from "./kernel.ts";
import { buildUser } from "./user.ts";

const FOLDER = join(PACKAGE_ROOT, "dist/images");
const FINGERPRINTS = join(FOLDER, "fingerprints.json");
const OPTIMIZE_LEVEL = 2;

interface Artifact {
  readonly name: string;
  readonly options: unknown;
  readonly build: () => Promise<{ wasm: Uint8Array; sourceMap: string }>;
}

const kernels: readonly Artifact[] = KERNEL_IMAGES.map(({ name, ...variant }) => {
  const options = { ...variant, entries: KERNEL_ENTRIES, optimizeLevel: OPTIMIZE_LEVEL, mapName: `${name}.wasm.map` };
  return { name, options, build: () => buildKernel({ root: PACKAGE_ROOT, ...options }) };
});

function userPrograms(): Artifact {
  const { name, ...rest } = USER_IMAGE;
  const options = { ...rest, optimizeLevel: OPTIMIZE_LEVEL, mapName: `${name}.wasm.map` };
  return { name, options, build: () => buildUser({ root: PACKAGE_ROOT, ...options }) };
}

async function buildAll(): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  const known = await readFile(FINGERPRINTS, "utf8").then(
    (text) => JSON.parse(text) as Record<string, string>,
    () => ({}) as Record<string, string>,
  );
  for (const { name, options, build } of [...kernels, userPrograms()]) {
    const print = await fingerprint(join(PACKAGE_ROOT, "kernel"), options);
    if (known[name] === print) continue;
    const started = performance.now();
    const { wasm, sourceMap } = await build();
    await writeFile(join(FOLDER, `${name}.wasm`), wasm);
    await writeFile(join(FOLDER, `${name}.wasm.map`), sourceMap);
    known[name] = print;
    await writeFile(FINGERPRINTS, JSON.stringify(known, null, 2));
    console.log(`built ${name}.wasm: ${wasm.length} bytes in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
}

try {
  await buildAll();
} catch (error) {
  if (!(error instanceof MachineError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
