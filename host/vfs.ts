/**
 * Files inside a machine, read and written through its kernel.
 *
 * Contract: paths, modes and error numbers are the kernel's; `writeFile` is `>`, and what does not fit one request goes
 * on behind it. Invariant: bytes that fit one request are one read or one write, as a file of /proc or /sys wants it.
 */
import { MAIL_OP_READ, MAIL_OP_WRITE } from "../kernel/abi.ts";
import { MAILBOX_SIZE } from "../kernel/layout.ts";
import type { CallOptions } from "./abort.ts";
import { succeeded } from "./errno.ts";
import type { Mailbox } from "./mailbox.ts";

export async function readFile(mailbox: Mailbox, path: string, options: CallOptions): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let offset = 0; ;) {
    const { status, bytes } = await mailbox.request(MAIL_OP_READ, path, offset, options);
    succeeded(status, `read ${path}`);
    text += decoder.decode(bytes, { stream: true });
    if (status < MAILBOX_SIZE) return text + decoder.decode();
    offset += status;
  }
}

export async function writeFile(
  mailbox: Mailbox,
  path: string,
  contents: string | Uint8Array,
  options: CallOptions,
): Promise<void> {
  const name = new TextEncoder().encode(`${path}\0`);
  const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents;
  const room = Math.max(MAILBOX_SIZE - name.length, 1);
  for (let from = 0; from === 0 || from < bytes.length;) {
    const piece = bytes.subarray(from, from + room);
    const request = new Uint8Array(name.length + piece.length);
    request.set(name);
    request.set(piece, name.length);
    const { status } = await mailbox.request(MAIL_OP_WRITE, request, from === 0 ? 0 : 1, options);
    from += succeeded(status, `write ${path}`);
    if (piece.length === 0 || status === 0) return;
  }
}
