/**
 * What tests build: once per state of the sources, kept in dist.
 *
 * Contract: `question` holds, or digests, all that the bytes depend on. Invariant: nobody reads a file that is half
 * written: it gets its name when it is whole.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../host/toolchain/compile.ts";

export const CACHE: string = join(PACKAGE_ROOT, "dist/test-images");

/** Asked for in this process. */
const asked = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();

/** What `make` gives, or gave when the same was asked before. */
export async function kept(question: unknown, make: () => Promise<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const name = createHash("sha256").update(JSON.stringify(question)).digest("hex").slice(0, 16);
  const answer = asked.get(name) ?? found(join(CACHE, `${name}.wasm`), make);
  asked.set(name, answer);
  return new Uint8Array(await answer); // a test may change its own
}

async function found(file: string, make: () => Promise<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const known = await readFile(file).catch(() => undefined);
  if (known) return new Uint8Array(known);
  const wasm = new Uint8Array(await make());
  await mkdir(CACHE, { recursive: true });
  const part = `${file}.${process.pid}`;
  await writeFile(part, wasm);
  await rename(part, file);
  return wasm;
}
