import { describe, expect, it } from "vitest";
import { createMemory } from "../../host/memory.ts";
import type { Platform } from "../../host/platform/platform.ts";
import { Upcalls } from "../../host/upcalls.ts";
import type { UpcallHandler } from "../../host/upcalls.ts";
import { EIO, UPCALL_DONE } from "../../kernel/abi.ts";
import {
  UPCALL,
  UPCALL_LENGTH,
  UPCALL_OP,
  UPCALL_ROOM,
  UPCALL_SERVED,
  UPCALL_STATE,
  UPCALL_STATUS,
} from "../../kernel/layout.ts";

const OP = 1000;

/** What the kernel finds when `handler` has been asked. */
async function asked(handler: UpcallHandler): Promise<{ served: number; state: number; status: number }> {
  const memory = createMemory(4);
  let serve: () => Promise<void> = async () => undefined;
  const platform = {
    realTime: true,
    serve: (_at: number, _value: number, answer: typeof serve) => void (serve = answer),
  };
  const upcalls = new Upcalls(memory, platform as Partial<Platform> as Platform, 20);
  upcalls.handle(OP, handler);
  upcalls.start();
  const word = (offset: number): number => memory.load(UPCALL + offset);
  for (const [offset, value] of [
    [UPCALL_OP, OP],
    [UPCALL_LENGTH, 0],
    [UPCALL_ROOM, 0],
  ] as const) {
    memory.store(UPCALL + offset, value);
  }
  await serve();
  return { served: word(UPCALL_SERVED), state: word(UPCALL_STATE), status: word(UPCALL_STATUS) };
}

describe("what the kernel asks of the host", () => {
  it("is answered with the handler's status", async () => {
    expect(await asked(() => ({ status: 7 }))).toEqual({ served: 1, state: UPCALL_DONE, status: 7 });
  });

  it("is EIO when the handler fails, or takes longer than the limit", async () => {
    const failing = (): never => {
      throw new Error("no");
    };
    expect(await asked(failing)).toMatchObject({ state: UPCALL_DONE, status: -EIO });
    expect(await asked(() => new Promise(() => undefined))).toMatchObject({ state: UPCALL_DONE, status: -EIO });
  });
});
