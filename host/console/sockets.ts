/**
 * Where running machines listen: a socket per name in a folder of the user's own.
 *
 * Contract: a name is letters, digits, `-` and `_`; the folder is the user's and nobody else can write there, or it is
 * BAD_SOCKET. Invariant: a socket that nobody listens on any more counts as none; only a machine that takes its name
 * takes it away, and a socket has its name only when somebody listens.
 */
import { link, lstat, mkdir, readdir, rm } from "node:fs/promises";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { basename, dirname, join } from "node:path";
import { MachineError } from "../errors.ts";

export const DEFAULT_NAME = "default";
const NAME = /^[A-Za-z0-9_-]{1,32}$/;
const ENDING = ".sock";
/** What the address of a socket can hold on any system. */
const LONGEST_PATH = 100;
const OTHERS_MAY_WRITE = 0o022;

/** Path of the socket of machine `name`; its folder exists and is safe. */
export async function socketPath(name: string): Promise<string> {
  if (!NAME.test(name)) {
    throw new MachineError(
      "BAD_OPTION",
      `--name is "${name}"`,
      "Give --name at most 32 letters, digits, hyphens and underscores.",
    );
  }
  const path = join(await folder(), `${name}${ENDING}`);
  if (Buffer.byteLength(path) <= LONGEST_PATH) return path;
  throw badSocket(`the path ${path} is too long for a socket`, "Set XDG_RUNTIME_DIR to a folder with a shorter path.");
}

export function badSocket(what: string, remedy: string, cause?: unknown): MachineError {
  return new MachineError("BAD_SOCKET", what, remedy, { cause });
}

async function folder(): Promise<string> {
  const runtime = process.env["XDG_RUNTIME_DIR"];
  const path = runtime ? join(runtime, "wlp") : join(tmpdir(), `wlp-${userInfo().uid}`);
  // Not with those above it: a runtime folder is there, or it is not the user's to make.
  await mkdir(path, { mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "EEXIST") return;
    throw badSocket(
      `cannot make the folder ${path}: ${cause.message}`,
      "Set XDG_RUNTIME_DIR to a folder that exists and that you may write to.",
      cause,
    );
  });
  const { uid, mode } = await lstat(path);
  if (uid === userInfo().uid && (mode & OTHERS_MAY_WRITE) === 0) return path;
  throw badSocket(
    `the folder ${path} is not yours alone`,
    "Set XDG_RUNTIME_DIR to a folder of your own that nobody else may write to.",
  );
}

/** A connection to the socket, or nothing when nobody listens. */
export function tryConnect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(socket));
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ECONNREFUSED") resolve(undefined);
      else reject(badSocket(`cannot use ${path}: ${error.message}`, "Look at that file.", error));
    });
  });
}

/** Refuses a path that a running machine has; takes away what a dead one left there. */
export async function freePath(path: string): Promise<void> {
  const left = await inodeOf(path);
  const other = await tryConnect(path);
  if (!other) {
    // Not what another machine has put there meanwhile.
    if (left !== undefined && left === (await inodeOf(path))) await rm(path, { force: true });
    return;
  }
  other.destroy();
  const name = basename(path, ENDING);
  throw new MachineError(
    "MACHINE_EXISTS",
    `a machine named ${name} runs already`,
    `Give another --name, or end it first: wlp shutdown --name ${name}`,
  );
}

/** Moves a socket that is listened on from `own` to `path`, in one step: of two machines, one gets it. */
export async function takePath(own: string, path: string): Promise<void> {
  for (;;) {
    try {
      await link(own, path);
      return await rm(own);
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code !== "EEXIST") throw badSocket(`cannot listen at ${path}: ${message}`, "Look at that folder.", cause);
    }
    await freePath(path);
  }
}

async function inodeOf(path: string): Promise<number | undefined> {
  return lstat(path).then(
    ({ ino }) => ino,
    () => undefined,
  );
}

/** A connection to machine `name`. */
export async function connectTo(name: string): Promise<Socket> {
  const path = await socketPath(name);
  const socket = await tryConnect(path);
  if (socket) return socket;
  const others = (await readdir(dirname(path))).filter((file) => file.endsWith(ENDING) && file !== basename(path));
  const known = others.map((file) => file.slice(0, -ENDING.length)).join(", ");
  throw new MachineError(
    "NO_SUCH_MACHINE",
    `no machine named ${name} runs here`,
    `Start it with: wlp boot --name ${name}${known ? `   (there may be: ${known})` : ""}`,
  );
}
