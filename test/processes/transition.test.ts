/** Signals and live patching: a stop is a border, and a stopped process holds nobody up. */
import { beforeAll, describe, expect, it } from "vitest";
import { SIGCONT, SIGKILL, SIGSTOP } from "../../kernel/abi.ts";
import { Machine } from "../../host/index.ts";
import { PAIR } from "../livepatch/patches.ts";
import { patchImage } from "../patch-image.ts";

let bytes: Uint8Array;
beforeAll(async () => {
  bytes = await patchImage("pair", PAIR);
});

/** Waits until the process is in `state`, a letter. */
async function inState(machine: Machine, pid: number, state: string): Promise<void> {
  while (!(await machine.read(`/proc/${pid}/status`)).includes(`State:\t${state} `)) await machine.run(0.001);
}

describe("a stopped process", () => {
  for (const model of ["kgraft", "kpatch"] as const) {
    it(`does not hold up a transition, moves with it, and goes on behind it (${model})`, async () => {
      const machine = await Machine.boot({ cpus: 2, platform: "stepped" });
      const pids = [await machine.spawn("sleeper", 1000), await machine.spawn("spinner", 0)];
      for (const pid of pids) await machine.kill(pid, SIGSTOP);
      for (const pid of pids) await inState(machine, pid, "T");
      const patch = await machine.load(bytes, { model });
      for (const pid of pids) await inState(machine, pid, "T");
      await machine.disable(patch);
      await machine.unload(patch);
      for (const pid of pids) await machine.kill(pid, SIGCONT);
      await inState(machine, pids[0] ?? 0, "S");
      for (const pid of pids) await machine.kill(pid, SIGKILL);
      for (const pid of pids) expect(await machine.wait(pid)).toBe(SIGKILL);
      expect(await machine.audit()).toEqual([]);
      await machine.shutdown();
    });
  }
});
