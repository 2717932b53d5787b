import { describe, expect, it, onTestFinished, vi } from "vitest";
import { MAIL_DONE, MAIL_EMPTY, MAIL_OP_AUDIT, MAIL_OP_READ, MAIL_REQUEST } from "../../kernel/abi.ts";
import { MACHINE, MACHINE_MAIL_ARG, MACHINE_MAIL_STATE, MACHINE_MAIL_STATUS } from "../../kernel/layout.ts";
import { abortable } from "../../host/abort.ts";
import { Mailbox } from "../../host/mailbox.ts";
import { createMemory } from "../../host/memory.ts";
import type { Platform } from "../../host/platform/platform.ts";

const STATE = MACHINE + MACHINE_MAIL_STATE;

/** A mailbox whose other side is this test: `answer` is hostd, which may be asleep. */
function mailboxOf({ realTime = true, timeoutMs = 1 }) {
  const memory = createMemory(1);
  let wake = (): void => {};
  const platform = {
    realTime,
    change: (_address: number, _value: number, signal?: AbortSignal) =>
      abortable(new Promise<void>((resolve) => (wake = resolve)), signal),
  };
  const answer = (status: number): void => {
    memory.store(MACHINE + MACHINE_MAIL_STATUS, status);
    memory.store(STATE, MAIL_DONE);
    wake();
  };
  return { memory, answer, mailbox: new Mailbox(memory, platform as unknown as Platform, timeoutMs) };
}

describe("a request to the kernel", () => {
  it("that is answered late costs its caller, and the next request gets its own answer", async () => {
    const { memory, answer, mailbox } = mailboxOf({});
    const overdue = { code: "REQUEST_TIMEOUT", what: "the kernel has not answered MAIL_OP_READ within 1 ms" };
    await expect(mailbox.request(MAIL_OP_READ, "/a", 1, {})).rejects.toMatchObject(overdue);
    await expect(mailbox.request(MAIL_OP_AUDIT, "", 2, {})).rejects.toMatchObject(overdue);
    expect(memory.load(MACHINE + MACHINE_MAIL_ARG)).toBe(1); // the second was never put over the first
    answer(7);
    const next = mailbox.request(MAIL_OP_AUDIT, "", 3, {});
    while (memory.load(STATE) !== MAIL_REQUEST) await Promise.resolve();
    answer(0);
    expect(await next).toMatchObject({ status: 0 });
    expect(memory.load(STATE)).toBe(MAIL_EMPTY);
  });

  it("has no limit where time is virtual", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { answer, mailbox } = mailboxOf({ realTime: false });
    const waiting = mailbox.request(MAIL_OP_READ, "/a", 0, {});
    await vi.advanceTimersByTimeAsync(3_600_000);
    answer(0);
    expect(await waiting).toMatchObject({ status: 0 });
  });
});
