import { MessageChannel } from "node:worker_threads";
import nodeEndpoint from "comlink/dist/esm/node-adapter.mjs";
import { afterEach, describe, expect, it } from "vitest";
import { MachineError } from "../../host/errors.ts";
import { Connection, expose } from "../../host/rpc.ts";

interface Api {
  readonly double: (value: number) => number;
  readonly refuse: () => void;
  readonly stumble: () => void;
  readonly hang: () => Promise<void>;
}

const API: Api = {
  double: (value) => 2 * value,
  refuse: () => {
    throw new MachineError("BAD_PROGRAM", "the program is bad", "Write a better one.");
  },
  stumble: () => {
    throw new TypeError("oops");
  },
  hang: () => new Promise(() => {}),
};

let close = (): void => {};
afterEach(() => close());

function connect(died: Promise<MachineError> = new Promise(() => {}), timeoutMs = 60_000): Connection<Api> {
  const { port1, port2 } = new MessageChannel();
  close = () => port1.close();
  expose(API, nodeEndpoint(port1));
  return new Connection<Api>(nodeEndpoint(port2), { name: "CPU 3", timeoutMs, died });
}

describe("a control call", () => {
  it("gives what the other side gives", async () => {
    expect(await connect().call("double", [21])).toBe(42);
  });

  it("brings a refusal back with its code and remedy", async () => {
    await expect(connect().call("refuse", [])).rejects.toMatchObject({
      code: "BAD_PROGRAM",
      what: "CPU 3, asked to refuse: the program is bad",
      remedy: "Write a better one.",
    });
  });

  it("reports any other error as CALL_FAILED", async () => {
    await expect(connect().call("stumble", [])).rejects.toMatchObject({
      code: "CALL_FAILED",
      what: expect.stringMatching(/oops/),
    });
  });

  it("is over after its time-out, and names CPU and call", async () => {
    await expect(connect(undefined, 10).call("hang", [])).rejects.toMatchObject({
      code: "CPU_TIMEOUT",
      what: "CPU 3 has not answered hang within 10 ms",
    });
  });

  it("is over when the other side dies, and names CPU and call", async () => {
    const died = Promise.resolve(new MachineError("CPU_DIED", "CPU 3 is dead", "Boot another."));
    await expect(connect(died).call("hang", [])).rejects.toMatchObject({
      code: "CPU_DIED",
      what: "CPU 3 is dead; it was asked to hang",
    });
  });
});
