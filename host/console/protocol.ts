/**
 * What `wlp` says to a machine that runs in another process: one JSON document per line, in both directions.
 *
 *   client   { op, … }                                   one request per connection
 *   machine  { output }*  then  { done } or { error }    output is base64
 *
 * Contract: requests are rows of a table on the machine's side (serve.ts). Invariant: an error crosses with its code,
 * so both sides refuse in the same words.
 */
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import { MachineError } from "../errors.ts";
import type { MachineErrorCode } from "../errors.ts";

export interface Request {
  readonly op: string;
  readonly [argument: string]: unknown;
}

interface Refusal {
  readonly code: MachineErrorCode;
  readonly what: string;
  readonly remedy: string;
}

export type Reply = { readonly output: string } | { readonly done: unknown } | { readonly error: Refusal };

export function send(socket: Socket, message: Request | Reply): void {
  socket.write(`${JSON.stringify(message)}\n`);
}

export async function* messages(socket: Socket): AsyncGenerator<unknown, void> {
  for await (const line of createInterface({ input: socket, crlfDelay: Infinity })) yield JSON.parse(line);
}

/** Sends a request; gives what the machine answers, and its output piece by piece. */
export async function ask(socket: Socket, request: Request, onOutput: (piece: Uint8Array) => void): Promise<unknown> {
  send(socket, request);
  try {
    for await (const reply of messages(socket) as AsyncGenerator<Reply, void>) {
      if ("output" in reply) onOutput(Buffer.from(reply.output, "base64"));
      else if ("done" in reply) return reply.done;
      else throw new MachineError(reply.error.code, reply.error.what, reply.error.remedy);
    }
  } finally {
    socket.destroy();
  }
  throw new MachineError("BAD_SOCKET", "the machine went away before it answered", "See whether it still runs.");
}
