/**
 * AbortSignals, in this package's kind of error.
 *
 * Contract: `abortable` settles as `work` does, or rejects with ABORTED as soon as the signal says so. Invariant: what
 * was begun goes on; only the caller stops waiting.
 */
import { MachineError } from "./errors.ts";

/** What every method of a machine takes. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(abortError(signal));
  });
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort);
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

export function refuseAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

export function abortError(signal: AbortSignal | undefined): MachineError {
  return new MachineError("ABORTED", "the caller's signal ended the wait", "Call again without the signal, or later.", {
    cause: signal?.reason,
  });
}
