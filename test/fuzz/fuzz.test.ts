/** Whatever programs ask, with whatever arguments, and whatever they write to the kernel's files: the machine stays healthy. */
import { beforeAll, describe, expect, it } from "vitest";
import { Machine } from "../../host/index.ts";
import type { MachineOptions } from "../../host/index.ts";
import { PACKAGE_ROOT, compile } from "../../host/toolchain/compile.ts";

const FULL = process.env["WLP_FULL"] !== undefined;
const SEEDS = FULL ? 300 : 6;
const FUZZERS = 6;
/** Of the machine's time: longer than the calls take that come back at once. */
const ROUND_SECONDS = 0.02;
const PATIENCE = 100;
const SIGKILL = 9;
const TRACING = "/sys/kernel/tracing";

let userImage: Uint8Array;
beforeAll(async () => {
  ({ wasm: userImage } = await compile({
    root: PACKAGE_ROOT,
    entries: ["test/fuzz/programs/main.ts"],
    target: "user",
    memoryBase: 1024,
  }));
});

/** Lets `program` loose several times, takes all away, and says what is wrong with the machine then. */
async function aftermath(program: "calls" | "writes", seed: number, options: MachineOptions): Promise<string[]> {
  const machine = await Machine.boot({ memoryMiB: 16, seed, ...options, userImage });
  try {
    const pids: number[] = [];
    for (let n = 0; n < FUZZERS; n++) pids.push(await machine.spawn(program, seed * FUZZERS + n));
    await machine.run(ROUND_SECONDS);
    const statuses = [];
    const sweep = await machine.spawn("sweep");
    for (const pid of [...pids, sweep]) {
      await machine.kill(pid, SIGKILL);
      statuses.push(await machine.wait(pid));
    }
    for (let cpu = 1; cpu < (options.cpus ?? 1); cpu++) {
      await machine.setOnline(cpu, true).catch(() => machine.setOnline(cpu, true)); // hotplug/fail lets it fail once
    }
    if ((await machine.read(`${TRACING}/kprobe_events`)) !== "") {
      await machine.write(`${TRACING}/events/kprobes/fuzz/enable`, "0");
      await machine.write(`${TRACING}/kprobe_events`, "");
    }
    for (const tracer of ["function", "nop"]) await machine.write(`${TRACING}/current_tracer`, tracer);
    let found = await machine.audit();
    for (let n = 0; found.length > 0 && n < PATIENCE; n++) {
      await machine.run(ROUND_SECONDS); // init still buries orphans
      found = await machine.audit();
    }
    const leaf = await machine.wait(await machine.spawn("leaf"));
    return leaf === 0 ? found : [...found, `leaf ended with ${leaf}`];
  } catch (error) {
    return [String(error), ...machine.log().slice(-20)];
  } finally {
    await machine.shutdown();
  }
}

describe.each(["calls", "writes"] as const)("random %s leave a healthy machine", (program) => {
  it.each([1, 2, 4])("on %i CPUs with threads of their own", { timeout: 120_000 }, async (cpus) => {
    expect(await aftermath(program, cpus, { cpus, debug: true })).toEqual([]);
  });
  it.each([1, 3])(`on %i stepped CPUs, over ${SEEDS} seeds`, { timeout: 900_000 }, async (cpus) => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const found = await aftermath(program, seed, { platform: "stepped", cpus });
      expect(found.map((line) => `seed ${seed}: ${line}`)).toEqual([]);
    }
  });
});
