/**
 * Blocks of the machine's memory that the kernel gives to the host.
 *
 * Contract: `allocate` gives an address, or refuses in the words of `what`; `release` gives the block back. Invariant: a
 * caller who gives up half-way owns nothing: a block that comes too late goes back by itself.
 */
import { MAIL_OP_KLP_ALLOC, MAIL_OP_KLP_FREE } from "../kernel/abi.ts";
import type { CallOptions } from "./abort.ts";
import { succeeded } from "./errno.ts";
import type { Mailbox } from "./mailbox.ts";

export async function allocate(mailbox: Mailbox, bytes: number, what: string, options: CallOptions): Promise<number> {
  const { status } = await mailbox.request(MAIL_OP_KLP_ALLOC, "", bytes, options, async (late) => {
    if (late.status > 0) await release(mailbox, late.status, what);
  });
  return succeeded(status, what);
}

export async function release(mailbox: Mailbox, block: number, what: string): Promise<void> {
  succeeded((await mailbox.request(MAIL_OP_KLP_FREE, "", block, {})).status, what);
}
