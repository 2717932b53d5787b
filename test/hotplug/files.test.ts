/** /sys/devices/system/cpu, from a shell: what it says, and what is refused. */
import { afterEach, describe, expect, it } from "vitest";
import { Machine } from "../../host/index.ts";

const CPU = "/sys/devices/system/cpu";

let machine: Machine | undefined;
afterEach(async () => {
  await machine?.shutdown();
  machine = undefined;
});

describe.each(["threads", "stepped"] as const)("on %s", (platform) => {
  it("writes to cpuN/online take a CPU down and bring it up; lists say which are there", async () => {
    const running = (machine = await Machine.boot({ platform, cpus: 4, memoryMiB: 32, debug: true }));
    const lists = async (): Promise<string[]> =>
      Promise.all(["possible", "present", "online", "offline"].map((name) => running.read(`${CPU}/${name}`)));
    expect(await lists()).toEqual(["0-3\n", "0-3\n", "0-3\n", "\n"]);
    expect(await running.exec(`echo 0 > ${CPU}/cpu2/online`)).toEqual({ status: 0, stdout: "" });
    expect(await lists()).toEqual(["0-3\n", "0-3\n", "0-1,3\n", "2\n"]);
    expect(await running.read(`${CPU}/cpu2/online`)).toBe("0\n");
    expect(await running.read(`${CPU}/cpu2/hotplug/state`)).toBe("0\n");
    expect((await running.exec(`echo 0 > ${CPU}/cpu2/online`)).status).toBe(0); // it is already
    expect((await running.exec(`echo on > ${CPU}/cpu2/online`)).status).toBe(0);
    expect(await lists()).toEqual(["0-3\n", "0-3\n", "0-3\n", "\n"]);
    expect(running.log().filter((line) => /CPU 2/.test(line))).toEqual([
      expect.stringMatching(/CPU 2 is now offline$/),
      expect.stringMatching(/CPU 2 is up$/),
    ]);
    expect(await running.audit()).toEqual([]);
  });

  it("CPU 0, and what is neither yes nor no, are refused", async () => {
    const running = (machine = await Machine.boot({ platform, cpus: 2, memoryMiB: 32, debug: true }));
    expect((await running.exec(`echo 0 > ${CPU}/cpu0/online`)).status).not.toBe(0);
    for (const text of ["maybe", "2", "o", "-1"])
      expect((await running.exec(`echo ${text} > ${CPU}/cpu1/online`)).status, text).not.toBe(0);
    expect(await running.read(`${CPU}/online`)).toBe("0-1\n");
    expect(await running.audit()).toEqual([]);
  });

  it("a step that is made to fail leaves the CPU where it was", async () => {
    const running = (machine = await Machine.boot({ platform, cpus: 2, memoryMiB: 32, debug: true }));
    const states = await running.read(`${CPU}/hotplug/states`);
    const parking = /^ *(\d+): workqueue:online$/m.exec(states)?.[1];
    expect(states).toMatch(/^ {2}0: offline\n[^]* 15: online\n$/);
    expect((await running.exec(`echo ${parking} > ${CPU}/cpu1/hotplug/fail`)).status).toBe(0);
    expect(await running.read(`${CPU}/cpu1/hotplug/fail`)).toBe(`${parking}\n`);
    expect((await running.exec(`echo 0 > ${CPU}/cpu1/online`)).status).not.toBe(0);
    expect(await running.read(`${CPU}/cpu1/online`)).toBe("1\n");
    expect(await running.read(`${CPU}/cpu1/hotplug/fail`)).toBe("-1\n");
    expect((await running.exec(`echo 99 > ${CPU}/cpu1/hotplug/fail`)).status).not.toBe(0);
    expect((await running.exec(`echo 0 > ${CPU}/cpu1/online`)).status).toBe(0);
    expect(await running.audit()).toEqual([]);
  });
});
