/**
 * Control calls to another thread, over comlink: calls that settle.
 *
 * Idea: comlink's promises stay pending when the other side dies, and its errors lose their class. So a call is a race
 * of answer, death and time-out, and a refusal crosses as a value. Contract: `expose` on one side, `connect` on the
 * other; `call` rejects with MachineError only, and names peer and method. Invariant: nothing else imports comlink's core.
 */
import { expose as exposeObject, wrap } from "comlink";
import type { Endpoint } from "comlink";
import { MachineError } from "./errors.ts";
import type { MachineErrorCode } from "./errors.ts";

/** What crosses the boundary. */
type Envelope =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: MachineErrorCode; readonly what: string; readonly remedy: string };

type Handler = (...parameters: never[]) => unknown;

export interface Peer {
  /** As in "CPU 2". */
  readonly name: string;
  /** For calls that name no limit of their own. */
  readonly timeoutMs: number;
  /** Resolves, with the reason, when no answer will come any more. */
  readonly died: Promise<MachineError>;
}

/** Serves `handlers`; none of them is called in parallel with itself unless it is asynchronous. */
export function expose<Api extends Record<keyof Api, Handler>>(handlers: Api, endpoint: Endpoint): void {
  const methods = Object.entries(handlers) as [string, Handler][];
  exposeObject(Object.fromEntries(methods.map(([name, handler]) => [name, enveloped(handler)])), endpoint);
}

function enveloped(handler: Handler): (...parameters: never[]) => Promise<Envelope> {
  return async (...parameters) => {
    try {
      return { ok: true, value: await handler(...parameters) };
    } catch (error) {
      if (error instanceof MachineError) return { ok: false, code: error.code, what: error.what, remedy: error.remedy };
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return {
        ok: false,
        code: "CALL_FAILED",
        what: text,
        remedy: "This is a fault of the host: report it with the log.",
      };
    }
  };
}

/** Calls methods of the thread behind an endpoint. */
export class Connection<Api extends Record<keyof Api, Handler>> {
  readonly #remote: Record<string, (...parameters: unknown[]) => Promise<Envelope>>;
  readonly #peer: Peer;

  constructor(endpoint: Endpoint, peer: Peer) {
    this.#remote = wrap<Record<string, (...parameters: unknown[]) => Envelope>>(endpoint);
    this.#peer = peer;
  }

  async call<Name extends keyof Api & string>(
    method: Name,
    parameters: Parameters<Api[Name]>,
    timeoutMs: number = this.#peer.timeoutMs,
  ): Promise<Awaited<ReturnType<Api[Name]>>> {
    const { name, died } = this.#peer;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(timeoutError(name, method, timeoutMs)), timeoutMs);
    });
    const dead = died.then((error): never => {
      throw new MachineError(error.code, `${error.what}; it was asked to ${method}`, error.remedy, { cause: error });
    });
    try {
      const answer = await Promise.race([this.#remote[method]?.(...parameters), late, dead]);
      if (!answer) throw new MachineError("CALL_FAILED", `${name} does not know ${method}`, "Build host again.");
      if (!answer.ok) throw new MachineError(answer.code, `${name}, asked to ${method}: ${answer.what}`, answer.remedy);
      return answer.value as Awaited<ReturnType<Api[Name]>>;
    } finally {
      clearTimeout(timer);
    }
  }
}

function timeoutError(name: string, method: string, timeoutMs: number): MachineError {
  return new MachineError(
    "CPU_TIMEOUT",
    `${name} has not answered ${method} within ${timeoutMs} ms`,
    "Look at machine.cpuState() for what it is doing; on a loaded computer, raise callTimeoutMs.",
  );
}
