/**
 * A machine's ear: answers what other processes of the same user ask through its socket.
 *
 * Contract: `listen` refuses a second machine of one name; requests are rows of OPERATIONS. A client that goes away
 * ends what it asked for. Invariant: nobody but the user can connect (mode 0600), and the socket goes with the machine.
 */
import { chmod, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { dirname, join } from "node:path";
import { MachineError } from "../errors.ts";
import type { Machine } from "../machine.ts";
import { PATCH_OPERATIONS } from "./patch-calls.ts";
import { messages, send } from "./protocol.ts";
import type { Request } from "./protocol.ts";
import { badSocket, takePath } from "./sockets.ts";

export interface Call {
  readonly machine: Machine;
  readonly request: Request;
  readonly signal: AbortSignal;
  readonly output: (piece: Uint8Array) => void;
  /** Ends the machine when the answer is on its way. */
  readonly end: () => void;
}

/** Rows are what a request's `op` says. */
const OPERATIONS: Readonly<Record<string, (call: Call) => Promise<unknown>>> = {
  exec: async ({ machine, request, signal, output }) => {
    const { status } = await machine.exec(String(request["line"]), { signal, onOutput: output });
    return { status };
  },
  shutdown: async ({ end }) => end(),
  ...PATCH_OPERATIONS,
};

export interface Listener {
  readonly path: string;
  /** Resolves when somebody asked for the machine's end. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** Listens at `path`, a socketPath(); refuses one that a running machine has. */
export async function listen(path: string, machine: Machine): Promise<Listener> {
  const sockets = new Set<Socket>();
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    void answer(socket, machine, end);
  });
  const own = join(dirname(path), `.${process.pid}`);
  await rm(own, { force: true }); // of a process that had this number before
  await bound(server, own);
  await chmod(own, 0o600);
  await takePath(own, path).catch((error: unknown) => {
    server.close(); // takes `own` away
    throw error;
  });
  const close = async (): Promise<void> => {
    await rm(path, { force: true }); // before another may take it
    server.close();
    for (const socket of sockets) socket.destroySoon();
  };
  return { path, ended, close };
}

/** The socket is nobody else's from its first moment. */
async function bound(server: Server, path: string): Promise<void> {
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", (cause) =>
        reject(badSocket(`cannot listen at ${path}: ${cause.message}`, "Look at that folder.", cause)),
      );
      server.listen(path, resolve);
    });
  } finally {
    process.umask(mask);
  }
}

async function answer(socket: Socket, machine: Machine, end: () => void): Promise<void> {
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  socket.on("error", () => gone.abort());
  try {
    const { value } = await messages(socket).next();
    const request = value as Request | undefined;
    if (!request) return;
    const output = (piece: Uint8Array): void => send(socket, { output: Buffer.from(piece).toString("base64") });
    const done = await operation(request)({ machine, request, signal: gone.signal, output, end });
    send(socket, { done: done ?? null });
  } catch (error) {
    if (!socket.destroyed) send(socket, { error: refusalOf(error) });
  } finally {
    socket.end();
  }
}

function operation({ op }: Request): (call: Call) => Promise<unknown> {
  const found = Object.hasOwn(OPERATIONS, op) ? OPERATIONS[op] : undefined;
  if (found) return found;
  throw new MachineError("BAD_USAGE", `the machine does not know ${op}`, "Use the wlp of the version that booted it.");
}

function refusalOf(error: unknown): Pick<MachineError, "code" | "what" | "remedy"> {
  if (error instanceof MachineError) return { code: error.code, what: error.what, remedy: error.remedy };
  return { code: "CALL_FAILED", what: String(error), remedy: "This is a fault of the host: report it." };
}
