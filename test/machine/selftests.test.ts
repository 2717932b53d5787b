import { describe, expect, it } from "vitest";
import { Machine } from "../../host/index.ts";
import { selftestImage } from "../selftest-image.ts";
import { SELFTESTS } from "../selftests.ts";

describe("the kernel on real threads", () => {
  for (const cpus of [1, 2, 4]) {
    it(`passes every self-test on ${cpus} CPUs, with its own assertions on`, { timeout: 120_000 }, async () => {
      const image = await selftestImage({ stepped: false });
      const machine = await Machine.boot({ cpus, image, selftests: true });
      try {
        for (const [row, sentence] of SELFTESTS.entries()) {
          expect(await machine.selftest(row), sentence).toBe(0);
          expect(await machine.audit(), sentence).toEqual([]);
        }
      } finally {
        await machine.shutdown();
      }
    });
  }
});
