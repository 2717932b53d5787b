/** All stress programs together: afterwards the machine is idle, with its memory as before and no lock held. */
import { describe, expect, it } from "vitest";
import { Machine } from "../../host/index.ts";

const FULL = Boolean(process.env["WLP_FULL"]);
const MS = FULL ? 600_000 : 3_000;
const LIMIT = 60_000 + 2 * MS;

describe("stress", () => {
  for (const cpus of FULL ? [4, 16] : [4]) {
    it(`leaves a machine of ${cpus} CPUs as it found it`, { timeout: LIMIT }, async () => {
      const machine = await Machine.boot({ cpus, debug: true });
      const workers = "--calls 2 --pipes 2 --forks 2 --timers 4 --locks 2 --memory 2 --files 2";
      const { status, stdout } = await machine.exec(`stress ${workers} --ms ${MS}`);
      expect({ status, stdout }).toEqual({ status: 0, stdout: "stress: 16 workers, all well\n" });
      expect(await machine.audit()).toEqual([]);
      await machine.shutdown();
    });
  }

  for (const seed of [1, 2, 3]) {
    it(`leaves a stepped machine as it found it, by seed ${seed}`, async () => {
      const machine = await Machine.boot({ cpus: 3, platform: "stepped", seed });
      expect(await machine.exec("stress --ms 10")).toEqual({ status: 0, stdout: "stress: 7 workers, all well\n" });
      expect(await machine.audit()).toEqual([]);
      await machine.shutdown();
    });
  }

  it("refuses what it does not know", async () => {
    const machine = await Machine.boot({ cpus: 1 });
    expect((await machine.exec("stress --cats 5")).status).toBe(2);
    expect((await machine.exec("stress --pipes many")).status).toBe(2);
    await machine.shutdown();
  });
});
