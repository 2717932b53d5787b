/** What /sys and /proc show of a live patch on its way, and what can be written there: each row is a line, its status and what it writes. */
import { beforeAll, describe, expect, it } from "vitest";
import { resolvePatch } from "../../host/cli/patch-argument.ts";
import { PATCH_OPERATIONS } from "../../host/console/patch-calls.ts";
import { Machine } from "../../host/index.ts";
import { patchLog } from "./rig.ts";

type Row = readonly [sentence: string, line: string, status: number, output: string | RegExp];

const KLP = "/sys/kernel/livepatch/dirty-pipe";
const KGR = "/sys/kernel/kgraft";
const INVALID = "echo: write error: Invalid argument\n";

/** While A, which was there before, has not moved. */
const ON_ITS_WAY: readonly Row[] = [
  ["has files from when enabling began", `cd ${KLP}; cat enabled transition replace stack_order`, 0, "1\n1\n0\n1\n"],
  [
    "has a directory for the kernel, and in it one for each function",
    `cd ${KLP}/vmlinux; ls; cat patched`,
    0,
    "patched\nsplice_to_pipe,1\n1\n",
  ],
  ["has switches that cannot be read", `ls -l ${KLP} | grep -c w-------; cat ${KLP}/force`, 1, /^2\ncat: /],
  ["is 1 already", `echo 1 > ${KLP}/enabled`, 1, INVALID],
  ["takes no other words", `echo maybe > ${KLP}/enabled`, 1, INVALID],
  ["shows kGraft's own files", `cd ${KGR}; cat in_progress dirty-pipe/refs dirty-pipe/replace_all`, 0, "1\n0\n0\n"],
  ["shows kGraft's states", `grep splice ${KGR}/dirty-pipe/state`, 0, "splice_to_pipe\tvmlinux\t1\t1\n"],
  [
    "cannot be reverted as kGraft does while it is on its way",
    `echo > ${KGR}/dirty-pipe/revert`,
    1,
    "echo: write error: Resource temporarily unavailable\n",
  ],
  ["says which side each task is on", "cat /proc/A/patch_state /proc/self/patch_state", 0, "0\n1\n"],
  ["says so of each thread", "cat /proc/A/task/A/patch_state /proc/A/kgr_in_progress", 0, "0\n1\n"],
  ["hides that from others", "ls -l /proc/A/patch_state", 0, /^-r--------/],
  ["moves nobody by a 0", `echo 0 > ${KLP}/force && echo 0 > ${KLP}/signal && cat ${KLP}/transition`, 0, "1\n"],
];

/** Turned around: B, which began in the new universe, has not moved back. */
const TURNED: readonly Row[] = [
  [
    "turns around when the other value is written",
    `echo 0 > ${KLP}/enabled; cat ${KLP}/enabled ${KLP}/transition`,
    0,
    "0\n1\n",
  ],
  ["leaves each task where it was", "cat /proc/A/patch_state /proc/B/patch_state", 0, "0\n1\n"],
  ["cannot be reverted twice", `echo > ${KGR}/dirty-pipe/revert`, 1, INVALID],
  ["turns around as often as one likes", `echo Y > ${KLP}/enabled; cat ${KLP}/enabled ${KLP}/transition`, 0, "1\n1\n"],
  ["has left each task where it was", "cat /proc/A/patch_state /proc/B/patch_state", 0, "0\n1\n"],
];

/** At rest, in force. */
const DONE: readonly Row[] = [
  ["is in force", `cat ${KLP}/enabled ${KLP}/transition ${KGR}/in_progress`, 0, "1\n0\n0\n"],
  ["shows that kGraft has applied it", `grep splice ${KGR}/dirty-pipe/state`, 0, "splice_to_pipe\tvmlinux\t1\t2\n"],
  ["says -1 of each task", "cat /proc/A/patch_state", 0, "-1\n"],
  ["can be forced in a transition only", `echo 1 > ${KLP}/force`, 1, INVALID],
  ["can be signalled in a transition only", `echo 1 > ${KLP}/signal`, 1, INVALID],
  ["takes a 0 for kGraft's switch only", `echo 1 > ${KGR}/in_progress`, 1, INVALID],
];

const TOLD = [
  "kgr: loaded patch module 'dirty-pipe'",
  "kgr: patching in progress 'dirty-pipe'",
  "kgr: can't patch, another patching not yet finalized 'dirty-pipe'",
  "kgr: reverting in progress 'dirty-pipe'",
  "kgr: this one was already reverted 'dirty-pipe'",
  "kgr: patching in progress 'dirty-pipe'",
  "kgr: all processes marked as migrated on admin's request, of 'dirty-pipe'",
  "kgr: succeeded 'dirty-pipe'",
  "kgr: reverting in progress 'dirty-pipe'",
  "kgr: reverted 'dirty-pipe'",
  "kgr: unloaded patch module 'dirty-pipe'",
];

async function disappointments(machine: Machine, rows: readonly Row[], a: string, b: string): Promise<string[]> {
  const found: string[] = [];
  for (const [sentence, text, status, output] of rows) {
    const line = text.replaceAll("/A/", `/${a}/`).replaceAll("/B/", `/${b}/`);
    const result = await machine.exec(line);
    const right = typeof output === "string" ? result.stdout === output : output.test(result.stdout);
    if (result.status !== status || !right) found.push(`a patch ${sentence}: ${line}: ${JSON.stringify(result)}`);
  }
  return found;
}

/** Pid of a task that is in one system call until it is told otherwise. */
async function staying(machine: Machine): Promise<string> {
  const pid = (await machine.exec("sh -c 'sleep 9999 & wait' & echo $!")).stdout.trim();
  while ((await machine.exec(`grep -q sys_wait /proc/${pid}/stack`)).status !== 0) await machine.run(0.001);
  return pid;
}

async function endAll(machine: Machine): Promise<void> {
  const { stdout } = await machine.exec("ps");
  for (const [, pid] of stdout.matchAll(/^ *(\d+) . (?:sh|sleep)$/gm)) await machine.exec(`kill -9 ${pid}`);
  await machine.exec("sleep 0.01");
}

describe.each(["threads", "stepped"] as const)("a live patch in /sys (%s)", (platform) => {
  let bytes: Uint8Array;
  beforeAll(async () => {
    ({ bytes } = await resolvePatch("dirty-pipe", platform === "stepped" ? "kernel-stepped" : "kernel-debug"));
  });
  const boot = (): Promise<Machine> => Machine.boot({ cpus: 2, platform, debug: platform === "threads" });

  it("shows its transition, and is turned around, forced, and signalled", async () => {
    const machine = await boot();
    const a = await staying(machine);
    const patch = await machine.load(bytes, { model: "kgraft", noWait: true });
    while ((await machine.exec("cat /proc/self/patch_state")).stdout !== "1\n") await machine.run(0.001);
    const b = await staying(machine);
    expect(await disappointments(machine, ON_ITS_WAY, a, b)).toEqual([]);
    expect(await disappointments(machine, TURNED, a, b)).toEqual([]);
    await machine.write(patch.path("force"), "1");
    expect(await machine.patchSettled(patch)).toBe(0);
    expect(await disappointments(machine, DONE, a, b)).toEqual([]);
    // Off: that returns when the way back has begun. A and B are in the way until they are poked.
    await machine.write(patch.path("enabled"), "0");
    expect((await machine.patchStatus(patch)).state).toBe("disabling");
    await machine.write(patch.path("signal"), "1");
    expect(await machine.patchSettled(patch)).toBe(0);
    expect(await machine.exec(`ls ${KGR} /sys/kernel/livepatch`)).toMatchObject({
      stdout: `${KGR}:\nin_progress\n\n/sys/kernel/livepatch:\n`,
    });
    await machine.unload(patch);
    expect(patchLog(machine)).toEqual(TOLD);
    await endAll(machine);
    expect(await machine.audit()).toEqual([]);
    await machine.shutdown();
  });

  it("goes back where it came from when its enabling is turned around, which its loader is told", async () => {
    const machine = await boot();
    await staying(machine);
    const loading = machine.load(bytes, { model: "kgraft" }).catch((error: unknown) => error);
    while ((await machine.exec(`echo 0 > ${KLP}/enabled`)).status !== 0) await machine.run(0.001);
    expect(await loading).toMatchObject({ code: "PATCH_REVERSED" });
    expect(machine.patches()).toEqual([]);
    await endAll(machine);
    expect(await machine.audit()).toEqual([]);
    await machine.shutdown();
  });

  it("gives what kpatch gives, at once, and goes when it is turned off", async () => {
    const machine = await boot();
    const patch = await machine.load(bytes, { model: "kpatch" });
    await machine.write(patch.path("enabled"), "n");
    expect(await machine.patchStatus(patch)).toMatchObject({ state: "loaded", result: 0 });
    expect(await machine.exec("ls /sys/kernel/livepatch /sys/kernel/kgraft")).toMatchObject({ status: 0 });
    await expect(machine.read(patch.path("enabled"))).rejects.toMatchObject({
      message: expect.stringMatching(/ENOENT/),
    });
    await machine.unload(patch);
    expect(await machine.audit()).toEqual([]);
    await machine.shutdown();
  });
});

it("wlp load turns a transition around that does not end in time, and names who was in the way", async () => {
  const machine = await Machine.boot({ cpus: 2, debug: true });
  const kthread = await resolvePatch("claim-kthread", "kernel-debug");
  await machine.load(kthread.bytes, { model: "kpatch", attempts: 50 }); // from now on a thread never moves
  const { bytes } = await resolvePatch("dirty-pipe", "kernel-debug");
  const said: string[] = [];
  const request = { op: "load", bytes: Buffer.from(bytes).toString("base64"), model: "kgraft", timeout: 0.4 };
  const loading = PATCH_OPERATIONS["load"]?.({
    machine,
    request,
    signal: new AbortController().signal,
    output: (piece) => said.push(new TextDecoder().decode(piece)),
    end: () => undefined,
  });
  await expect(loading).rejects.toMatchObject({
    code: "TRANSITION_STALLED",
    what: expect.stringMatching(/PID: \d+ Comm: \w+/),
  });
  expect(said).toEqual([expect.stringMatching(/^patch dirty-pipe: the transition stalls; signalling \d+ tasks\n$/)]);
  expect(machine.patches().map(({ name }) => name)).toEqual(["claim-kthread"]);
  await machine.shutdown();
});
