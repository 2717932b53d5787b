/**
 * Interrupts have no task whose border they could wait for: they move by CPU, set from process context.
 */
import { checkTrace } from "../check/oracle.ts";
import type { CallRecord } from "../check/oracle.ts";
import type { Claim } from "./claim.ts";

const PATCH = "claim-interrupt";
/** The two functions of the patch, which one interrupt calls, and the one that sets a CPU's flag. */
const PAIR = ["tick", "wake_sleeper"] as const;
const FLAG = "interrupts_move";

export const interruptOneVersion: Claim = {
  name: "interrupt-one-version",
  sentence: "Under kGraft an interrupt sees one version, the old one until its CPU's flag is set.",
  source: "LWN, The initial kGraft submission (2014)",
  async run(lab) {
    await lab.machine(async (rig) => {
      const { cpus } = rig.machine.settings;
      for (let n = 0; n < 2 * cpus; n++) await rig.machine.spawn("sleeper", rig.pace.napUs, rig.options);
      await rig.watch(...PAIR, FLAG);
      const calls: CallRecord[] = [];
      const collect = (): readonly CallRecord[] => (calls.push(...rig.calls()), calls);
      await rig.until(() => pairs(collect(), "original") >= cpus);
      const patch = await rig.kgraft(PATCH);
      const done = await rig.completes(patch);
      await rig.until(() => pairs(collect(), PATCH) >= cpus);
      const old = pairs(calls, "original");
      const fresh = pairs(calls, PATCH);
      const mixed = checkTrace(inInterrupt(calls), { ...patch, rules: ["trip", "task"] });
      lab.observe(
        `kGraft patch of ${PAIR.join("() and ")}(), which the clock's interrupt calls one after the other`,
        `interrupts with both: ${old} old, ${fresh} new, ${mixed.length} mixed or back`,
        done && old > 0 && fresh > 0 && mixed.length === 0,
      );
      const firsts = Array.from({ length: cpus }, (_, cpu) => firstNew(calls, cpu)).filter(
        (first) => first !== undefined,
      );
      const behind = firsts.filter((first) => flagSet(calls, first.cpu) < first.number);
      lab.observe(
        `on each CPU, first new interrupt against ${FLAG}(), which sets its flag`,
        `CPUs that had new ones: ${firsts.length}; behind the flag: ${behind.length}`,
        firsts.length > 0 && behind.length === firsts.length,
      );
    });
  },
};

const inInterrupt = (calls: readonly CallRecord[]): readonly CallRecord[] =>
  calls.filter(({ context }) => context === "interrupt");

/** Interrupts that called both functions, and this version of each. */
function pairs(calls: readonly CallRecord[], version: string): number {
  const found = new Map<string, Set<string>>();
  for (const call of inInterrupt(calls)) {
    if (call.version !== version) continue;
    const key = `${call.cpu}.${call.trip}`;
    found.set(key, (found.get(key) ?? new Set()).add(call.name));
  }
  return [...found.values()].filter(({ size }) => size === PAIR.length).length;
}

function firstNew(calls: readonly CallRecord[], cpu: number): CallRecord | undefined {
  return inInterrupt(calls).find((call) => call.cpu === cpu && call.version === PATCH);
}

/** Number of the call that set the flag of `cpu`. */
function flagSet(calls: readonly CallRecord[], cpu: number): number {
  return calls.find((call) => call.cpu === cpu && call.name === FLAG)?.number ?? Infinity;
}
