import { describe, expect, it } from "vitest";
import { Machine } from "../../host/index.ts";
import type { MachineOptions } from "../../host/index.ts";
import { checkOptions } from "../../host/options.ts";

const refuses = (options: object) => expect(() => checkOptions(options as MachineOptions), JSON.stringify(options));

describe("options of a machine", () => {
  it("may all be left out", () => {
    expect(checkOptions({})).toMatchObject({ cpus: 4, memoryMiB: 64, platform: "threads", seed: 1, tickUs: 1000 });
  });

  it("may be undefined, which is the same", () => {
    expect(checkOptions({ cpus: undefined, seed: 7 })).toMatchObject({ cpus: 4, seed: 7 });
  });

  it("reach from one CPU to sixty-four, and every 32-bit seed", () => {
    expect(checkOptions({ cpus: 1, seed: 0 })).toMatchObject({ cpus: 1, seed: 0 });
    expect(checkOptions({ cpus: 64, seed: 0xffffffff })).toMatchObject({ cpus: 64, seed: 0xffffffff });
  });

  it("are refused by name, with the range, when a value is out of it", () => {
    for (const cpus of [0, 65, -1, 1.5, NaN, "4"]) {
      refuses({ cpus }).toThrow(
        expect.objectContaining({ code: "BAD_OPTION", remedy: "Give cpus as an integer from 1 to 64." }),
      );
    }
    refuses({ memoryMiB: 2049 }).toThrow(/memoryMiB is 2049/);
    refuses({ seed: 2 ** 32 }).toThrow(/seed is 4294967296/);
    refuses({ seed: -1 }).toThrow(/seed is -1/);
    refuses({ debug: 1 }).toThrow(/debug is 1/);
    refuses({ tickUs: 10 }).toThrow(/tickUs is 10/);
    refuses({ image: { kernel: "kernel.wasm" } }).toThrow(/image is an object/);
    refuses({ userImage: [] }).toThrow(/userImage is an object/);
  });

  it("name a platform that exists", () => {
    refuses({ platform: "vax" }).toThrow(
      expect.objectContaining({ code: "BAD_OPTION", remedy: "Give platform as threads or stepped." }),
    );
    refuses({ platform: "toString" }).toThrow(/platform is "toString"/);
  });

  it("are refused when nobody knows them", () => {
    refuses({ cpu: 2 }).toThrow(/there is no option cpu\n/);
    refuses({ constructor: 1 }).toThrow(/there is no option constructor\n/);
  });
});

describe("memory", () => {
  for (const platform of ["threads", "stepped"] as const) {
    it(`that is too small is refused with the size that is needed, and that size boots (${platform})`, async () => {
      for (const cpus of [1, 8]) {
        const refusal = await Machine.boot({ cpus, platform, memoryMiB: 1 }).catch((error: unknown) => error);
        expect(refusal).toMatchObject({ code: "MEMORY_TOO_SMALL", what: expect.stringMatching(/^1 MiB do not hold/) });
        const needed = Number(/needs (\d+) MiB/.exec(String(refusal))?.[1]);
        await expect(Machine.boot({ cpus, platform, memoryMiB: needed - 1 })).rejects.toMatchObject({
          code: "MEMORY_TOO_SMALL",
        });
        const machine = await Machine.boot({ cpus, platform, memoryMiB: needed });
        expect(await machine.audit()).toEqual([]);
        await machine.shutdown();
      }
    });
  }
});
