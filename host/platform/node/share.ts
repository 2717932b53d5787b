/**
 * A folder of this computer as `/host` inside a machine, to be read only.
 *
 * Contract: answers what lies at a path from the folder on, with error numbers as the kernel's; symbolic links are
 * followed as long as they stay inside, and what leads out is EACCES. Invariant: no file is opened whose real path is not
 * below the folder's real path.
 */
import { constants, realpathSync, statSync } from "node:fs";
import { open, readdir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import * as abi from "../../../kernel/abi.ts";
import {
  EACCES,
  EIO,
  HOST_FACTS_INODE,
  HOST_FACTS_MODE,
  HOST_FACTS_NAME,
  HOST_FACTS_PLACE,
  HOST_FACTS_SIZE,
  S_IFDIR,
  S_IFREG,
  UPCALL_OP_HOST_LIST,
  UPCALL_OP_HOST_LOOK,
  UPCALL_OP_HOST_READ,
} from "../../../kernel/abi.ts";
import { MachineError } from "../../errors.ts";
import type { Question, UpcallAnswer, Upcalls } from "../../upcalls.ts";

const READABLE = 0o555;
const LARGEST = 0x7fff_ffff;

/** Has `upcalls` answer for `folder`; refuses one that is none. */
export function shareFolder(upcalls: Upcalls, folder: string): void {
  const root = rootOf(folder);
  upcalls.handle(UPCALL_OP_HOST_LOOK, (question) => answered(() => look(root, question)));
  upcalls.handle(UPCALL_OP_HOST_LIST, (question) => answered(() => list(root, question)));
  upcalls.handle(UPCALL_OP_HOST_READ, (question) => answered(() => read(root, question)));
}

function rootOf(folder: string): string {
  try {
    const root = realpathSync(folder);
    if (statSync(root).isDirectory()) return root;
  } catch {
    // refused below
  }
  throw new MachineError("BAD_OPTION", `share is "${folder}", which is no folder`, "Give the path of a folder.");
}

/** The real path of what the question names, which is in the folder. */
async function inside(root: string, { bytes }: Question): Promise<string> {
  const path = await realpath(join(root, new TextDecoder().decode(bytes)));
  if (path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)) return path;
  throw Object.assign(new Error("outside"), { code: "EACCES" });
}

async function facts(path: string, name: Uint8Array, place = 0): Promise<Uint8Array> {
  const { mode, size, ino } = await stat(path);
  const kind = mode & abi.S_IFMT;
  if (kind !== S_IFDIR && kind !== S_IFREG) throw Object.assign(new Error("no file"), { code: "EACCES" });
  const bytes = new Uint8Array(HOST_FACTS_NAME + name.length);
  const view = new DataView(bytes.buffer);
  view.setInt32(HOST_FACTS_MODE, kind | (mode & READABLE), true);
  view.setInt32(HOST_FACTS_SIZE, kind === S_IFDIR ? 0 : Math.min(size, LARGEST), true);
  view.setUint32(HOST_FACTS_INODE, ino >>> 0, true);
  view.setUint32(HOST_FACTS_PLACE, place, true);
  bytes.set(name, HOST_FACTS_NAME);
  return bytes;
}

async function look(root: string, question: Question): Promise<UpcallAnswer> {
  return { status: 0, bytes: await facts(await inside(root, question), new Uint8Array()) };
}

/** The first entry from a place on, of the folder's names in order; those that lead out, or are neither file nor folder, are not listed. */
async function list(root: string, question: Question): Promise<UpcallAnswer> {
  const folder = await inside(root, question);
  const names = (await readdir(folder)).toSorted();
  for (const [place, name] of names.entries()) {
    const bytes = new TextEncoder().encode(name);
    if (place < question.argument || bytes.length > abi.NAME_MAX) continue;
    const below = { ...question, bytes: new TextEncoder().encode(join(folder, name).slice(root.length)) };
    const entry = await inside(root, below)
      .then((path) => facts(path, bytes, place + 1))
      .catch(() => undefined);
    if (entry) return { status: bytes.length, bytes: entry };
  }
  return { status: 0 };
}

async function read(root: string, question: Question): Promise<UpcallAnswer> {
  const file = await open(
    await inside(root, question),
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  );
  try {
    const buffer = new Uint8Array(question.room);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, question.argument);
    return { status: bytesRead, bytes: buffer.subarray(0, bytesRead) };
  } finally {
    await file.close();
  }
}

/** The host's error numbers by name are the kernel's. */
async function answered(answer: () => Promise<UpcallAnswer>): Promise<UpcallAnswer> {
  try {
    return await answer();
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    const number = code === "EPERM" ? EACCES : (abi as Readonly<Record<string, unknown>>)[code];
    return { status: -(typeof number === "number" && /^E[A-Z]+$/.test(code) ? number : EIO) };
  }
}
