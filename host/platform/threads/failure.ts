/**
 * The one failure that a machine can have, and everybody who should hear of it.
 *
 * Idea: every wait for the machine is also a wait for its end. Contract: `guard` settles as `work` does, or rejects
 * with the failure, whichever comes first; the first failure counts. Invariant: a wait that is over leaves nothing
 * behind: racing against one promise for life would keep a reaction for every request ever made.
 */
import type { MachineError } from "../../errors.ts";

export class Failure {
  readonly #waiters = new Set<(error: MachineError) => void>();
  #error: MachineError | undefined;

  fail(error: MachineError): void {
    this.#error ??= error;
    for (const reject of this.#waiters) reject(this.#error);
    this.#waiters.clear();
  }

  async guard<T>(work: Promise<T>): Promise<T> {
    if (this.#error) throw this.#error;
    return new Promise((resolve, reject) => {
      this.#waiters.add(reject);
      void work.then(resolve, reject).finally(() => this.#waiters.delete(reject));
    });
  }
}
