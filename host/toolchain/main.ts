/**
 * `node dist/host/toolchain/main.js`: builds the images that are out of date, into dist/images, and the patches of
 * patches/NAME for each image that takes patches, into dist/patches/NAME.IMAGE.wasm, so that no run needs a compiler.
 *
 * Contract: prints one line per artifact it builds and nothing when all are fresh; exits 1 with the refusal otherwise.
 * Invariant: an artifact's fingerprint is written after the artifact, so an interrupted build is built again.
 */
import { writeFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { MachineError } from "../errors.ts";
import { images, patches, sourceOf } from "./artifacts.ts";
import type { Artifact, Job } from "./artifacts.ts";
import { BuildPool } from "./build-pool.ts";
import { PACKAGE_ROOT } from "./compile.ts";
import { fingerprint } from "./fingerprint.ts";
import type { CompiledSource } from "./source-unit.ts";

const DIST = join(PACKAGE_ROOT, "dist");
const FINGERPRINTS = join(DIST, "fingerprints.json");
/** Each takes about half a gigabyte. */
const MOST_THREADS = 4;

/** What user programs are made of is in no other artifact. */
const USER_ONLY: Readonly<Record<Job["kind"], readonly string[]>> = { kernel: ["user"], patch: ["user"], user: [] };

interface Build {
  readonly pool: BuildPool;
  /** Fingerprints of what is there. */
  readonly known: Record<string, string>;
  /** Compiled once for all images that begin with it. */
  readonly sources: Map<string, Promise<CompiledSource>>;
}

/** Builds what is not fresh, a patch when the image is there that it is for; the first failure comes when all have ended. */
async function buildAll(artifacts: readonly Artifact[], under: Build): Promise<void> {
  const built = new Map<string, Promise<void>>();
  for (const artifact of artifacts) {
    const { name, job } = artifact;
    const image = job.kind === "patch" ? built.get(`images/${job.image}`) : undefined;
    built.set(
      name,
      Promise.resolve(image).then(() => refresh(artifact, under)),
    );
  }
  const failed = (await Promise.allSettled(built.values())).find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

async function refresh(artifact: Artifact, under: Build): Promise<void> {
  const { name, job } = artifact;
  const print = fingerprint(join(PACKAGE_ROOT, "kernel"), job, USER_ONLY[job.kind]);
  if (under.known[name] === print) return;
  await build(artifact, under);
  under.known[name] = print;
  writeFileSync(FINGERPRINTS, JSON.stringify(under.known, null, 2)); // in one piece: others end at the same time
}

async function build({ name, job }: Artifact, { pool, sources }: Build): Promise<void> {
  const started = performance.now();
  const { wasm, sourceMap } = await pool.make(job, await sourceFor(job, pool, sources));
  const path = join(DIST, `${name}.wasm`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, wasm);
  if (sourceMap !== undefined) await writeFile(`${path}.map`, sourceMap);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`built ${basename(path)}: ${wasm.length} bytes after ${seconds} s`);
}

function sourceFor(job: Job, pool: BuildPool, sources: Build["sources"]): Promise<CompiledSource> | undefined {
  if (job.kind !== "kernel") return undefined;
  const key = sourceOf(job);
  const source = sources.get(key) ?? pool.compile(job);
  sources.set(key, source);
  return source;
}

const pool = new BuildPool(Math.min(MOST_THREADS, availableParallelism()));
try {
  const known = await readFile(FINGERPRINTS, "utf8").then(
    (text) => JSON.parse(text) as Record<string, string>,
    () => ({}) as Record<string, string>,
  );
  await buildAll([...images(), ...(await patches())], { pool, known, sources: new Map() });
} catch (error) {
  if (!(error instanceof MachineError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await pool.close();
}
