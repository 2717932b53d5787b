/**
 * A thread that makes artifacts, one request at a time: compilers and Binaryen, loaded once, and their global settings, its
 * own.
 *
 * Contract: a Request comes in, an Outcome goes out; refusals cross as values. Invariant: it keeps nothing between requests.
 */
import { parentPort } from "node:worker_threads";
import { MachineError } from "../errors.ts";
import type { MachineErrorCode } from "../errors.ts";
import { compileFor, make } from "./artifacts.ts";
import type { Job, KernelJob, Made } from "./artifacts.ts";
import type { CompiledSource } from "./source-unit.ts";

export type Request =
  | { readonly do: "compile"; readonly job: KernelJob }
  | { readonly do: "make"; readonly job: Job; readonly source?: CompiledSource | undefined };

export type Outcome =
  | { readonly ok: true; readonly result: Made | CompiledSource }
  | { readonly ok: false; readonly code: MachineErrorCode; readonly what: string; readonly remedy: string };

parentPort?.on(
  "message",
  (request: Request) => void answer(request).then((outcome) => parentPort?.postMessage(outcome)),
);

async function answer(request: Request): Promise<Outcome> {
  try {
    if (request.do === "compile") return { ok: true, result: await compileFor(request.job) };
    const { wasm, sourceMap } = await make(request.job, request.source);
    return { ok: true, result: { wasm, ...(sourceMap === undefined ? {} : { sourceMap }) } };
  } catch (error) {
    if (!(error instanceof MachineError)) throw error;
    return { ok: false, code: error.code, what: error.what, remedy: error.remedy };
  }
}
