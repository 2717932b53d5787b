/**
 * A thread that makes artifacts, one job at a time: compilers and Binaryen, loaded once, and their global settings, its own.
 *
 * Contract: a Job comes in, an Outcome goes out; refusals cross as values. Invariant: it keeps nothing between jobs.
 */
import { parentPort } from "node:worker_threads";
import { MachineError } from "../errors.ts";
import type { MachineErrorCode } from "../errors.ts";
import { make } from "./artifacts.ts";
import type { Job, Made } from "./artifacts.ts";

export type Outcome =
  | { readonly ok: true; readonly made: Made }
  | { readonly ok: false; readonly code: MachineErrorCode; readonly what: string; readonly remedy: string };

parentPort?.on("message", (job: Job) => void answer(job).then((outcome) => parentPort?.postMessage(outcome)));

async function answer(job: Job): Promise<Outcome> {
  try {
    const { wasm, sourceMap } = await make(job);
    return { ok: true, made: { wasm, ...(sourceMap === undefined ? {} : { sourceMap }) } };
  } catch (error) {
    if (!(error instanceof MachineError)) throw error;
    return { ok: false, code: error.code, what: error.what, remedy: error.remedy };
  }
}
