/**
 * `node dist/host/toolchain/main.js`: builds the images that are out of date, into dist/images, and the patches of
 * patches/NAME for each image that takes patches, into dist/patches/NAME.IMAGE.wasm, so that no run needs a compiler.
 *
 * Contract: prints one line per image it builds and nothing when all are fresh; exits 1 with the refusal otherwise.
 * Invariant: an image's fingerprint is written after the image, so an interrupted build is built again.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { MachineError } from "../errors.ts";
import { PACKAGE_ROOT } from "./compile.ts";
import { fingerprint } from "./fingerprint.ts";
import { KERNEL_ENTRIES, KERNEL_IMAGES, OPTIMIZE_LEVEL, PATCHABLE_IMAGES, USER_IMAGE } from "./images.ts";
import { buildKernel } from "./kernel.ts";
import { buildPatch } from "./patch.ts";
import { patchFolders, readBase, readPatchFiles } from "./patch-files.ts";
import { buildUser } from "./user.ts";

const DIST = join(PACKAGE_ROOT, "dist");
const FINGERPRINTS = join(DIST, "fingerprints.json");

interface Artifact {
  /** Below dist, without ending. */
  readonly name: string;
  readonly options: unknown;
  /** Without a source map there is no `.map` file. */
  readonly build: () => Promise<{ wasm: Uint8Array; sourceMap?: string }>;
}

const kernels: readonly Artifact[] = KERNEL_IMAGES.map(({ name, ...variant }) => {
  const options = { ...variant, entries: KERNEL_ENTRIES, optimizeLevel: OPTIMIZE_LEVEL, mapName: `${name}.wasm.map` };
  return { name: `images/${name}`, options, build: () => buildKernel({ root: PACKAGE_ROOT, ...options }) };
});

function userPrograms(): Artifact {
  const { name, ...rest } = USER_IMAGE;
  const options = { ...rest, optimizeLevel: OPTIMIZE_LEVEL, mapName: `${name}.wasm.map` };
  return { name: `images/${name}`, options, build: () => buildUser({ root: PACKAGE_ROOT, ...options }) };
}

/** Every patch for every image that takes patches; read when the images are there. */
async function patches(): Promise<Artifact[]> {
  const folders = await patchFolders(join(PACKAGE_ROOT, "patches"));
  const sources = await Promise.all(folders.map((folder) => readPatchFiles([folder])));
  return sources.flatMap(({ name, diffs }) =>
    imagesOf(diffs).map((image) => ({
      name: `patches/${name}.${image}`,
      options: { name, diffs, image, optimizeLevel: OPTIMIZE_LEVEL },
      build: async () => {
        const { base, baseData } = await readBase(PACKAGE_ROOT, image);
        return buildPatch({ root: PACKAGE_ROOT, diffs, name, base, baseData, optimizeLevel: OPTIMIZE_LEVEL });
      },
    })),
  );
}

/** The images that a lesson's header asks for (`Images  kernel-debug …`), or all. */
function imagesOf(diffs: readonly string[]): readonly string[] {
  const asked = /^Images\s+(.*)$/m.exec(diffs[0]?.split(/^--- /m)[0] ?? "")?.[1];
  return asked === undefined
    ? PATCHABLE_IMAGES
    : PATCHABLE_IMAGES.filter((image) => asked.split(/[\s:,]+/).includes(image));
}

async function buildAll(artifacts: readonly Artifact[], known: Record<string, string>): Promise<void> {
  for (const { name, options, build } of artifacts) {
    const print = await fingerprint(join(PACKAGE_ROOT, "kernel"), options);
    if (known[name] === print) continue;
    const started = performance.now();
    const { wasm, sourceMap } = await build();
    const path = join(DIST, `${name}.wasm`);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, wasm);
    if (sourceMap !== undefined) await writeFile(`${path}.map`, sourceMap);
    known[name] = print;
    await writeFile(FINGERPRINTS, JSON.stringify(known, null, 2));
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`built ${basename(path)}: ${wasm.length} bytes in ${seconds} s`);
  }
}

try {
  const known = await readFile(FINGERPRINTS, "utf8").then(
    (text) => JSON.parse(text) as Record<string, string>,
    () => ({}) as Record<string, string>,
  );
  await buildAll([...kernels, userPrograms()], known);
  await buildAll(await patches(), known);
} catch (error) {
  if (!(error instanceof MachineError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
